"""Small access logs."""

from __future__ import annotations

from pathlib import Path

from webapp.accesslog import LogSource, Tally

GOOD = b'203.0.113.9 - - [01/Mar/2026:13:05:07 +0000] "GET /a?b=c HTTP/1.1" 200 512\n'

HEAD = "203.0.113.9 - - [01/Mar/2026:13:05:07 +0000] "


def tally_of(path: Path, block: int = 128 * 1024) -> Tally:
    tally = Tally()
    with LogSource(path) as source:
        for data in source.blocks(block):
            tally.feed(data)
    return tally


def write_log(folder: Path, data: bytes, name: str = "a.log") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
