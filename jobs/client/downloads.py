"""Downloading a job's file to the disk: in pieces, and going on where a connection broke."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, cast

from .effects import Answer, ConnectionLost, Download, Flow, Request, call
from .errors import TEMPORARY, problem_of
from .exchange import Patience, exchange, lost_error
from .job_flows import artifact_path
from .site import Site

_UNSAFE: Final = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
_RANGE: Final = re.compile(r"bytes (\d+)-")


class Part:
    """The file while it comes: beside its place, into which it is moved when it is whole.

    Args:
        target: where it is to be.
    """

    def __init__(self, target: Path) -> None:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._path, self._target = Path(name), target
        self._etag = ""
        self.size = 0
        self.most = 0
        """The most bytes that were there at one time."""

    def headers(self) -> dict[str, str]:
        """The headers of a request for the rest, or for all where nothing can be resumed."""
        if not (self.size and self._etag):
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": self._etag}

    def begin(self, head: Answer) -> Callable[[bytes], None]:
        """Take an answer: the rest, or all of it again."""
        etag = head.headers.get("etag", "")
        found = _RANGE.match(head.headers.get("content-range", "")) if head.status == 206 else None
        if found is None or int(found[1]) != self.size:
            self._file.seek(0)
            self._file.truncate()
            self.size = 0
        # Of a weak one nobody knows whether the bytes are the same (RFC 9110, section 13.1.5).
        self._etag = "" if etag.startswith("W/") else etag
        return self._write

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)
        self.most = max(self.most, self.size)

    def keep(self) -> Path:
        """Move it into its place; return that."""
        self._file.close()
        return self._path.replace(self._target)

    def drop(self) -> None:
        """Delete it, if it was not kept."""
        self._file.close()
        with suppress(FileNotFoundError):
            self._path.unlink()


def download(site: Site, job_id: str, name: str, to: Path | str) -> Flow[Path]:
    """Download a job's file.

    Args:
        site: where the job is.
        job_id: its id.
        name: the file's name.
        to: where to put it; in a folder it gets its name.

    Returns:
        Where it is: what was there before is replaced when all has come.

    Raises:
        NotFound: there is no such file.
        OSError: it cannot be written there.
    """
    target = Path(to)
    if target.is_dir():
        target /= _UNSAFE.sub("_", name).strip(". ") or "file"
    part: Part = yield from call(lambda: Part(target))
    patience = Patience(site.retry_for)
    try:
        while not (yield from _received(site, artifact_path(job_id, name), part, patience)):
            pass
        return (yield from call(part.keep))
    finally:
        part.drop()


def _received(site: Site, path: str, part: Part, patience: Patience) -> Flow[bool]:
    """Receive what is missing; return whether that was all."""
    most = part.most
    # What is compressed on the way has other bytes than the file.
    headers = {"Accept": "*/*", "Accept-Encoding": "identity", **part.headers()}
    try:
        answer = cast("Answer", (yield Download(Request("GET", path, headers=headers), part.begin)))
    except ConnectionLost as lost:
        failure: Any = lost_error(site, lost)
    else:
        if answer.status < 300:
            return True
        failure = problem_of(answer)
    if part.most > most:
        patience.renew()
    if not isinstance(failure, TEMPORARY):
        raise failure
    yield from patience.pause(failure)
    return False


def read_artifact(site: Site, job_id: str, name: str) -> Flow[bytes]:
    """Return a job's file, as bytes in memory."""
    answer = yield from exchange(site, Request("GET", artifact_path(job_id, name)))
    return answer.content
