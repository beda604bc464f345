"""The body of a request: before it is there, and when it is."""

from __future__ import annotations

import io
import tempfile
from typing import Any, BinaryIO, Final, NoReturn

from .refusals import Refused

UNASKED: Final = 16 * 1024
"""Bytes of a body that are received before the application has seen the head. They are in memory:
a stranger's body costs no more than this."""
IN_MEMORY: Final = 512 * 1024
"""Bytes of a body that the application wants; what is longer is written to a file."""


class BodyNotReceived(BaseException):
    """Raised where an application reads a body that has not been received.

    No ``Exception``: the application ends at once, and no view makes a response of it. It is
    called a second time when the body is there.
    """


class BodyToCome:
    """``wsgi.input`` for an application that is asked by the head alone."""

    def read(self, size: int = -1) -> NoReturn:
        """Raise BodyNotReceived."""
        raise BodyNotReceived

    readline = readlines = __next__ = read

    def __iter__(self) -> BodyToCome:
        return self

    def close(self) -> None:
        """There is nothing to close."""


class CutBody:
    """``wsgi.input`` of a body whose end did not come: an error follows what did."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises:
            OSError: there are no more.
        """
        return self._checked(self._file.read(size), size)

    def readline(self, size: int = -1) -> bytes:
        """Return the next line, or what there is of it.

        Raises:
            OSError: there is no more.
        """
        return self._checked(self._file.readline(size), size)

    def _checked(self, data: bytes, size: int) -> bytes:
        if not data and size:
            raise OSError("The client has left before the end of the body.")
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ReceivedBody:
    """Takes a body piece by piece.

    Args:
        limit: bytes that it may have.
    """

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._file: Any = io.BytesIO()
        self._is_in_memory = True

    def write(self, data: bytes) -> None:
        """Append a piece.

        Raises:
            Refused: there is too much of it, or no room on the disk.
        """
        self.size += len(data)
        if self.size > self._limit:
            raise too_large(self._limit)
        try:
            if self._is_in_memory and self.size > IN_MEMORY:
                self._move_to_disk()
            self._file.write(data)
        except OSError:
            raise Refused(507, "There is no room for the body of the request now.") from None

    def _move_to_disk(self) -> None:
        file = tempfile.TemporaryFile()  # noqa: SIM115
        file.write(self._file.getbuffer())
        self._file, self._is_in_memory = file, False

    def opened(self) -> Any:
        """Return it as a file, to be read from its beginning."""
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Delete it."""
        self._file.close()


def too_large(limit: int) -> Refused:
    """Return the refusal of a body over the limit."""
    return Refused(413, f"A request may bring {limit:,} bytes.")
