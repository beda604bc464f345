"""The bytes of a log as blocks of whole lines, unpacked."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from .errors import LogUnreadable
from .unpack import GZIP_MAGIC, gunzipped

# Small blocks stay in the processor's cache: 128 KiB was faster than 32 KiB and than 1 MiB.
BLOCK = 128 * 1024
MAX_LINE = 64 * 1024
MAX_UNPACKED = 16 * 1024**3

OTHER_MAGICS = {
    b"PK\x03\x04": "a ZIP archive",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ\x00": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with Zstandard",
}
# UTF-16 is what PowerShell writes with ">".
UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class LogSource:
    """A log file, plain or gzip (by its first bytes, not by its name), open for reading.

    ``notes`` says what was left out of a gzip file that is cut off or goes on in another way.

    Raises:
        LogUnreadable: it is packed in another way.
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path, max_unpacked: int = MAX_UNPACKED) -> None:
        self.size = path.stat().st_size
        self.unpacked = 0
        self.notes: list[str] = []
        self._max_unpacked = max_unpacked
        self._file = path.open("rb")
        try:
            self._head = self._file.peek(8)[:8]
            self._check_magic()
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
            LogUnreadable: the gzip data is damaged or unpacks to too much.
        """
        rest = b""
        for data in self._text(size):
            end = data.rfind(b"\n") + 1
            if end:
                yield rest + data[:end]
                rest = data[end:]
            else:
                rest = (rest + data)[:MAX_LINE]
        if rest:
            yield rest + b"\n"

    def _check_magic(self) -> None:
        for magic, what in OTHER_MAGICS.items():
            if self._head.startswith(magic):
                raise LogUnreadable(
                    f"The file is {what}. Give the log as plain text or packed with gzip."
                )

    def _text(self, size: int) -> Iterator[bytes]:
        """Yield the log in UTF-8 (or what its lines hold), its lines ending in a line feed."""
        clean: Callable[[bytes], bytes] | None = None
        for data in self._bytes(size):
            clean = clean or _cleaner_for(data)
            self.unpacked += len(data)
            if self.unpacked > self._max_unpacked:
                raise LogUnreadable(
                    f"The gzip file unpacks to more than {self._max_unpacked:,} bytes. "
                    "Split the log."
                )
            yield clean(data)

    def _bytes(self, size: int) -> Iterator[bytes]:
        if self._head.startswith(GZIP_MAGIC):
            return gunzipped(self._file, size, self.notes)
        return iter(lambda: self._file.read(size), b"")


def _cleaner_for(beginning: bytes) -> Callable[[bytes], bytes]:
    """Return what makes UTF-8 with line feeds of a log that begins like this, piece by piece."""
    for mark, name in UTF_16.items():
        if beginning.startswith(mark):
            return _from_utf16(name)
    # Old systems end lines with a carriage return alone. The last byte may be half of a CR LF.
    if b"\r" in beginning[:-1] and b"\n" not in beginning:
        return lambda data: data.replace(b"\r", b"\n")
    return _unchanged


def _from_utf16(name: str) -> Callable[[bytes], bytes]:
    decoder = codecs.getincrementaldecoder(name)("replace")
    return lambda data: decoder.decode(data).removeprefix("\ufeff").encode("utf-8", "replace")


def _unchanged(data: bytes) -> bytes:
    return data
