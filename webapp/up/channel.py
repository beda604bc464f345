"""waitress's connections, kept open after an answer without a body.

waitress 3.0 closes a connection after each 304: it takes an answer without ``Content-Length`` for
one that only the end of the connection ends. But a 204 or 304 ends with its headers (RFC 9112,
section 6.3), and a poller mostly hears 304: it would connect anew each second.
"""

from __future__ import annotations

from waitress.channel import HTTPChannel
from waitress.task import WSGITask


class Task(WSGITask):  # type: ignore[misc]
    """One request and its answer."""

    def set_close_on_finish(self) -> None:
        """Close the connection after the answer, unless the answer ends by itself."""
        if not self._ends_by_itself():
            super().set_close_on_finish()

    def _ends_by_itself(self) -> bool:
        wanted = self.request.headers.get("CONNECTION", "").lower() != "close"
        return wanted and self.version == "1.1" and not self.has_body and not self.wrote_header


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    task_class = Task
