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

A response in pieces can wait between two of them (Server-Sent Events): its iterator calls
``hold(wait)`` and, if that returned True, yields ``b""``; it is asked for the next piece when there
is news. If ``hold`` returned False, the iterator should end.
"""

from __future__ import annotations

from collections.abc import Callable
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
    found: Callable[[Wait], bool] | None = getattr(request, "environ", {}).get(HOLD)
    return found
