"""A stored file of which any part can be read, without reading the rest."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from .storage import job_storage, storage_errors_as_unavailable


class Part:
    """Some bytes of a file; closing it closes the file.

    Args:
        source: where they begin.
        length: how many they are.
        close: called once by ``close``.
    """

    def __init__(self, source: Any, length: int, close: Callable[[], object]) -> None:
        self._source = source
        self._left = length
        self._close = close

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, fewer only at the end.

        Raises:
            Exception: that of the storage, which ends the response.
        """
        size = self._left if size < 0 else min(size, self._left)
        data: bytes = self._source.read(size) if size else b""
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._close()


class StoredFile:
    """An open file of the storage.

    Args:
        name: in the storage.

    Raises:
        FileNotFoundError: there is none of this name.
        Unavailable: the storage cannot be used now.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        with storage_errors_as_unavailable():
            self._file: Any = job_storage().open(name, "rb")
            try:
                self.size: int = self._file.size
            except BaseException:
                self.close()
                raise

    @property
    def etag(self) -> str:
        """A strong entity tag: a name in the storage is given to one content only."""
        text = f"{self._name}\n{self.size}"
        return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'

    def part(self, first: int, end: int) -> Part | IO[bytes]:
        """Return the bytes from ``first`` on, before ``end``; to be closed.

        Raises:
            Unavailable: the storage cannot be used now.
        """
        if first >= end:
            return Part(io.BytesIO(), 0, self.close)
        with storage_errors_as_unavailable():
            s3_object = _s3_object(self._file)
            if s3_object is not None:
                body = s3_object.get(Range=f"bytes={first}-{end - 1}")["Body"]
                return Part(body, end - first, body.close)
            self._file.seek(first)  # what another service has is fetched by this
        if (first, end) == (0, self.size):
            whole: IO[bytes] = self._file
            return whole  # some servers have the system send a whole file
        return Part(self._file, end - first, self.close)

    def close(self) -> None:
        """Close it, if no part was taken."""
        with suppress(Exception):
            self._file.close()


def _s3_object(file: Any) -> Any:
    """Return boto3's object of a file of django-storages, which would fetch all of it.

    None for another storage, and for a file that is stored compressed: its ranges are others.
    """
    found = getattr(file, "obj", None)
    if found is None or not hasattr(found, "get") or not hasattr(found, "content_encoding"):
        return None
    return None if found.content_encoding else found
