"""Requests that wait for something and meanwhile keep no thread: how a view asks a server for it.

In the manner of ``wsgi.file_wrapper``, a server that can do it puts a function into the WSGI
environment, ``environ["jobs.hold"]``. Where there is none, a view has to wait in its thread.

A view that has nothing to say yet calls ``hold(wait)``. If that returns True, it returns a response
nevertheless (not one in pieces). The server drops it, calls ``wait.begin(wake)``, and calls the
application again when ``wake`` is called, at ``wait.until``, or when the server stops. The view
then finds its ``wait`` as ``environ["jobs.held"]``, and no body. If ``hold`` returns False (too
many requests wait, the server stops, the client sends no more), the response is sent.

::

    def view(request):
        wait = request.environ.get(HELD) or NewsWait(until=time.monotonic() + 20)
        news = find_news()
        if not news and time.monotonic() < wait.until:
            request.environ[HOLD](wait)
        return response(news)

Under ASGI the two are in the scope, and ``jobs.core.asgi_holding`` does what the server does.

A response in pieces can wait between two of them (Server-Sent Events): its iterator calls
``hold(wait)`` and, if that returned True, yields ``b""``; it is asked for the next piece when there
is news. If ``hold`` returned False, the iterator should end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

HOLD: Final = "jobs.hold"
"""The key of the function by which a view asks to be held."""
HELD: Final = "jobs.held"
"""The key of what the view has waited for, when it is called again."""


class Wait(Protocol):
    """What a request waits for.

    ``until`` is a time of ``time.monotonic``, in seconds.
    """

    until: float

    def begin(self, wake: Callable[[], None]) -> None:
        """Begin to wait: call ``wake``, in any thread and as often as you like, when there is news.

        It runs on the server's event loop, so it must not wait for anything. What has happened
        between the view's question and this must wake as well.
        """

    def end(self) -> None:
        """Wait no more: the request goes on, or its client is gone. It runs on the event loop."""


def hold_function(request: Any) -> Callable[[Wait], bool] | None:
    """Return the function that asks the server to hold a request; None where it has none."""
    found: Callable[[Wait], bool] | None = _environment(request).get(HOLD)
    return found


def held_for(request: Any) -> Wait | None:
    """Return what a request has waited for, when the view is called again; None before that."""
    found: Wait | None = _environment(request).get(HELD)
    return found


def _environment(request: Any) -> Mapping[str, Any]:
    """WSGI's environment, or ASGI's scope."""
    found = getattr(request, "environ", None)
    return found if found is not None else getattr(request, "scope", {})


class Seats:
    """How many requests may be held at once in this process.

    Args:
        most: this many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Return whether there was one more."""
        with self._lock:
            is_free = self._taken < self._most
            self._taken += is_free
            return is_free

    def give_back(self) -> None:
        """Note that a request is held no more."""
        with self._lock:
            self._taken -= 1


class Hold:
    """The function by which a view asks to be held: one for each call of the application.

    Args:
        seats: of the process.
        may_hold: whether the connection could wait now.
    """

    __slots__ = ("_may_hold", "_seats", "_wait")

    def __init__(self, seats: Seats, may_hold: Callable[[], bool]) -> None:
        self._seats = seats
        self._may_hold = may_hold
        self._wait: Wait | None = None

    def __call__(self, wait: Wait) -> bool:
        """Ask to be held; return whether the server does so."""
        if self._wait is None and not (self._may_hold() and self._seats.take()):
            return False
        self._wait = wait
        return True

    @property
    def is_asked(self) -> bool:
        """Whether the request is to be held: its response is dropped."""
        return self._wait is not None

    def taken(self) -> Wait | None:
        """Return what the application wants to wait for, once."""
        wait, self._wait = self._wait, None
        return wait

    def forget(self) -> None:
        """The application has asked, and then made something else of the request."""
        if self.taken() is not None:
            self._seats.give_back()
