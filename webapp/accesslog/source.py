"""The bytes of a log as blocks of whole lines, unpacked."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self, cast

# Small blocks stay in the processor's cache: 128 KiB was faster than 32 KiB and than 1 MiB.
BLOCK = 128 * 1024
MAX_LINE = 64 * 1024
MAX_UNPACKED = 16 * 1024**3

GZIP_MAGIC = b"\x1f\x8b"
OTHER_MAGICS = {
    b"PK\x03\x04": "a ZIP archive",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ\x00": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with Zstandard",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


class LogUnreadable(ValueError):
    """The file cannot be read as a log; the message says why and what to do."""


class LogSource:
    """A log file, plain or gzip (by its first bytes, not by its name), open for reading.

    Raises:
        LogUnreadable: it is packed in another way, or is no single-byte text.
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, max_unpacked: int = MAX_UNPACKED) -> None:
        self.size = path.stat().st_size
        self.unpacked = 0
        self._max_unpacked = max_unpacked
        self._file = path.open("rb")
        try:
            self._stream = self._unpacking()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def position(self) -> int:
        """How many bytes of the file on disk were read."""
        return self._file.tell()

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield the log as blocks of whole lines, each ending in a line feed.

        A line that is longer than a block loses its middle, so that no line can fill the memory.

        Raises:
            LogUnreadable: the gzip data is cut off, damaged or unpacks to too much.
        """
        rest = b""
        while data := self._read(size):
            end = data.rfind(b"\n") + 1
            if end:
                yield rest + data[:end]
                rest = data[end:]
            else:
                rest = (rest + data)[:MAX_LINE]
        if rest:
            yield rest + b"\n"

    def _unpacking(self) -> IO[bytes]:
        head = self._file.peek(8)[:8]
        if head.startswith(GZIP_MAGIC):
            return cast("IO[bytes]", gzip.GzipFile(fileobj=self._file, mode="rb"))
        for magic, what in OTHER_MAGICS.items():
            if head.startswith(magic):
                raise LogUnreadable(
                    f"The file is {what}. Give the log as plain text (UTF-8) or packed with gzip."
                )
        return self._file

    def _read(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except EOFError as error:
            raise LogUnreadable(
                f"The gzip file ends too early: it was cut off after {self.unpacked:,} unpacked "
                "bytes. Copy the whole file and hand it in again."
            ) from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise LogUnreadable(
                f"The gzip file is damaged after {self.unpacked:,} unpacked bytes: {error}."
            ) from error
        self.unpacked += len(data)
        if self.unpacked > self._max_unpacked:
            raise LogUnreadable(
                f"The gzip file unpacks to more than {self._max_unpacked:,} bytes. Split the log."
            )
        return data
