"""Where access logs come from: files, packed or broken, and the memory that they take."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest

from tests.accesslog_maker import Recipe, make_log
from tests.unit.access_logs import GOOD, tally_of, write_log
from webapp.accesslog import LogSource, LogUnreadable


def test_gzip_is_detected_by_the_first_bytes_and_may_have_several_members(tmp_path: Path) -> None:
    packed = gzip.compress(GOOD * 3) + gzip.compress(GOOD * 4)
    assert tally_of(write_log(tmp_path, packed, "plain.txt")).requests == 7
    assert tally_of(write_log(tmp_path, GOOD, "not.gz")).requests == 1


def test_the_last_line_needs_no_line_feed(tmp_path: Path) -> None:
    assert tally_of(write_log(tmp_path, GOOD + GOOD[:-1])).requests == 2


def test_windows_line_ends_are_no_part_of_a_line(tmp_path: Path) -> None:
    tally = tally_of(write_log(tmp_path, GOOD.replace(b"\n", b" 0.5\r\n") * 3 + b"\r\n"))
    assert (tally.requests, tally.malformed, tally.timed) == (3, 0, 3)


def test_the_position_reaches_the_size_of_the_file(tmp_path: Path) -> None:
    path = write_log(tmp_path, gzip.compress(GOOD * 50_000))
    with LogSource(path) as source:
        places = [source.position for _ in source.blocks()]
    assert places == sorted(places)
    assert places[-1] == source.size == path.stat().st_size


@pytest.mark.parametrize("keep", [15, 200, -9, -4])
def test_a_truncated_gzip_file_is_reported(tmp_path: Path, keep: int) -> None:
    with pytest.raises(LogUnreadable, match=r"ends too early"):
        tally_of(write_log(tmp_path, gzip.compress(GOOD * 9000)[:keep]))


def test_a_damaged_gzip_file_is_reported(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(GOOD * 9000))
    data[-8:-4] = b"\0\0\0\0"
    with pytest.raises(LogUnreadable, match=r"damaged after [\d,]+ unpacked bytes"):
        tally_of(write_log(tmp_path, bytes(data)))


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"PK\x03\x04", "ZIP"), (b"BZh9", "bzip2"), (b"\xfd7zXZ\x00", "xz"), (b"\xff\xfe1", "UTF-16")],
)
def test_other_files_are_named(tmp_path: Path, head: bytes, what: str) -> None:
    with pytest.raises(LogUnreadable, match=what):
        LogSource(write_log(tmp_path, head + b"\0" * 100))


def test_what_unpacks_to_too_much_is_stopped(tmp_path: Path) -> None:
    path = write_log(tmp_path, gzip.compress(b"\n" * 5_000_000))
    with (
        LogSource(path, max_unpacked=1_000_000) as source,
        pytest.raises(LogUnreadable, match="unpacks to more than 1,000,000 bytes"),
    ):
        list(source.blocks())


# --- Memory --------------------------------------------------------------------------------


def peak_of(path: Path) -> int:
    tracemalloc.start()
    try:
        tally_of(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    make_log(tmp_path / "short.log", Recipe(4_000, request_time="seconds"))
    make_log(tmp_path / "long.log", Recipe(80_000, request_time="seconds"))
    assert peak_of(tmp_path / "long.log") < peak_of(tmp_path / "short.log") + 300_000


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = write_log(tmp_path, GOOD)
    with path.open("r+b") as stream:
        stream.truncate(100_000_000)  # a hole: it reads as zeros and takes no disk
    assert peak_of(path) < 5_000_000
    tally = tally_of(path)
    assert (tally.requests, tally.malformed) == (1, 1)


def test_a_gzip_bomb_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    with gzip.open(path, "wb") as stream:
        for _ in range(50):
            stream.write(b"\0" * 1_000_000)
    assert path.stat().st_size < 60_000
    assert peak_of(path) < 5_000_000
