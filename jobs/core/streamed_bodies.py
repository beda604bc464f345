"""Bodies that are answered while they come: how a view asks a server for one.

A server that can do it puts a function into the WSGI environment of a request whose body has not
been received, ``environ["jobs.stream"]``. A view that calls it gets a ``Spool``, into which the
server writes the body as it comes. The view returns a response in pieces; its iterator takes from
the spool, and yields ``b""`` when there is nothing in it now. It is asked for the next piece when
there is something again, or when the body has ended or was cut off (``take`` raises then). Until
that it keeps no thread. ``jobs.core.held_requests`` is for what waits for something else.

::

    def pieces(body):
        while (data := body.take()) is not None:
            yield answer(data) if data else b""
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .spool import Spool

STREAM: Final = "jobs.stream"
"""The key of the function by which a view takes its body as it comes."""


def stream_function(request: Any) -> Callable[[], Spool] | None:
    """Return the function that gives the body as it comes; None where the server has none."""
    found: Callable[[], Spool] | None = getattr(request, "environ", {}).get(STREAM)
    return found
