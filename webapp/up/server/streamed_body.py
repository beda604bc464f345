"""A body that the application takes while it comes; ``jobs.core.streamed_bodies`` has the rules."""

from __future__ import annotations

from typing import Final

from jobs.api.ndjson import NAMES
from jobs.core.spool import Spool, SpoolClosed
from jobs.errors import Unavailable

from .received_body import too_large
from .refusals import Refused
from .request_head import RequestHead

SILENT_SECONDS: Final = 75.0
"""How long a client may send nothing of a body that is answered as it comes, like a connection
between two requests. It holds no thread, so its rate does not matter."""


def comes_in_lines(head: RequestHead) -> bool:
    """Whether the body may be meant to be answered as it comes: the application is asked for it
    without waiting for more."""
    media_type: str = head.environ.get("CONTENT_TYPE", "")
    return media_type.partition(";")[0].strip().lower() in NAMES


class StreamedBody:
    """What goes from the event loop to the application.

    Args:
        limit: bytes that it may have.
    """

    def __init__(self, limit: int) -> None:
        self.spool = Spool()
        self._limit = limit

    def write(self, data: bytes) -> None:
        """Append a piece. It is dropped if the application wants no more.

        Raises:
            Refused: there is too much of it, or no room on the disk.
        """
        if self.spool.size + len(data) > self._limit:
            raise too_large(self._limit)
        try:
            self.spool.write(data)
        except SpoolClosed:
            return
        except OSError:
            raise Refused(507, "There is no room for the body of the request now.") from None

    def cut(self, why: str) -> None:
        """Note that its end will not come."""
        self.spool.end(OSError(why))

    def stop(self) -> None:
        """Take no more of it: the server stops."""
        self.spool.end(Unavailable("The site is stopping.", 5))
