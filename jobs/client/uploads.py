"""Sending files: small ones in one request, large ones in pieces, which can be resumed (tus)."""

from __future__ import annotations

import base64
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from .effects import Flow, Request, call
from .errors import TEMPORARY, Conflict, unreachable
from .exchange import Patience, attempt, exchange, fetch
from .site import Site

PIECE: Final = 5 * 1024 * 1024
"""Bytes of a piece: what is in memory, and what is sent again when a connection breaks."""
_TUS: Final = {"Tus-Resumable": "1.0.0"}
_PIECE_TYPE: Final = "application/offset+octet-stream"


@dataclass(slots=True)
class Source:
    """A file that is sent: its bytes from where it was when it was given."""

    file: IO[bytes]
    name: str
    start: int
    size: int
    is_ours: bool

    def read(self, offset: int, count: int) -> bytes:
        """Return bytes of it.

        Raises:
            TypeError: it is a text file.
        """
        self.file.seek(self.start + offset)
        found = self.file.read(count)
        if not isinstance(found, bytes):
            raise TypeError(f"{self.name or 'The file'} is open as text: open it in binary mode.")
        return found

    def close(self) -> None:
        """Close it, unless the caller has opened it."""
        if self.is_ours:
            self.file.close()


def open_source(given: Path | str | IO[bytes], name: str | None) -> Source:
    """Return what is to be sent.

    Args:
        given: a path or an open file; one that cannot be sought is copied first.
        name: its name; None for the name that it has.

    Raises:
        OSError: it cannot be read.
    """
    if isinstance(given, str | Path):
        path = Path(given)
        file: IO[bytes] = path.open("rb")
        return Source(file, name or path.name, 0, path.stat().st_size, is_ours=True)
    known = getattr(given, "name", "")
    name = name or (Path(known).name if isinstance(known, str) else "")
    if not given.seekable():
        copy = tempfile.TemporaryFile()  # noqa: SIM115  (who gets the source closes it)
        shutil.copyfileobj(given, copy)
        return Source(copy, name, 0, copy.tell(), is_ours=True)
    start = given.tell()
    size = given.seek(0, 2) - start
    given.seek(start)
    return Source(given, name, start, size, is_ours=False)


def upload(
    site: Site, given: Path | str | IO[bytes], name: str | None = None
) -> Flow[dict[str, Any]]:
    """Send a file; return the upload: ``id``, ``name`` and ``size``.

    Raises:
        DeskError: the site does not take it.
        OSError: it cannot be read.
    """
    opened = yield from call(lambda: open_source(given, name))
    with closing(opened) as source:
        if source.size > PIECE:
            return (yield from _in_pieces(site, source))
        content = yield from call(lambda: source.read(0, PIECE))
        headers = {"Content-Type": "application/octet-stream"}
        query = {"name": source.name}
        return (yield from fetch(site, Request("POST", "uploads", query, headers, content)))


def _in_pieces(site: Site, source: Source) -> Flow[dict[str, Any]]:
    name = base64.b64encode(source.name.encode()).decode()
    headers = {
        **_TUS,
        "Upload-Length": str(source.size),
        **({"Upload-Metadata": f"filename {name}"} if name else {}),
    }
    made = yield from fetch(site, Request("POST", "uploads/resumable", headers=headers))
    path, offset, patience = f"uploads/{made['id']}", 0, Patience(site.retry_for)
    while offset < source.size:
        at = offset
        piece = yield from call(lambda: source.read(at, PIECE))  # noqa: B023  (called at once)
        if not piece:
            raise OSError(f"{source.name} has become shorter while it was sent.")
        sent = {**_TUS, "Upload-Offset": str(at), "Content-Type": _PIECE_TYPE}
        try:
            answer = yield from attempt(site, Request("PATCH", path, headers=sent, content=piece))
        except (Conflict, *TEMPORARY) as failure:
            # What was cut off may be stored in part, or is being stored: ask.
            answer = yield from exchange(site, Request("HEAD", path, headers=_TUS), patience)
            if int(answer.headers["upload-offset"]) <= at:
                busy = unreachable(str(failure)) if isinstance(failure, Conflict) else failure
                yield from patience.pause(busy)
        offset = int(answer.headers["upload-offset"])
        if offset > at:
            patience.renew()
    return made
