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
    assert (tally.requests, tally.malformed, tally.times.points) == (3, 0, 3)


def test_the_position_reaches_the_size_of_the_file(tmp_path: Path) -> None:
    path = write_log(tmp_path, gzip.compress(GOOD * 50_000))
    with LogSource(path) as source:
        places = [source.position for _ in source.blocks()]
    assert places == sorted(places)
    assert places[-1] == source.size == path.stat().st_size


def read(path: Path, size: int = 128 * 1024) -> tuple[bytes, list[str]]:
    with LogSource(path) as source:
        return b"".join(source.blocks(size)), source.notes


@pytest.mark.parametrize("keep", [3, 15, 200, -9, -8, -4, -1])
def test_a_gzip_file_that_is_cut_off_is_read_up_to_there(tmp_path: Path, keep: int) -> None:
    text = b"".join(GOOD.replace(b"/a", b"/%d" % number) for number in range(9000))
    found, (note,) = read(write_log(tmp_path, gzip.compress(text)[:keep]))
    assert text.startswith(found.removesuffix(b"\n"))
    assert "ends too early: it was cut off. The" in note
    assert found == text or keep not in {-8, -4, -1}  # those are but the end's checksum


def test_a_second_member_that_is_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    found, (note,) = read(write_log(tmp_path, gzip.compress(GOOD) + gzip.compress(GOOD)[:8]))
    assert (found, f"The {len(GOOD)} bytes" in note) == (GOOD, True)


@pytest.mark.parametrize(
    ("behind", "notes"),
    [
        (b"\0" * 100_000, []),
        (b"\0" * 100_000 + gzip.compress(GOOD), []),
        (b"-- signature --", ["What follows the gzip data in the file is left out."]),
        (b"\0\x1f", ["What follows the gzip data in the file is left out."]),
    ],
    ids=["padding", "padding and a member", "text", "half a beginning"],
)
@pytest.mark.parametrize("size", [10, 128 * 1024])
def test_what_follows_gzip_data_is_left_out_and_said(
    tmp_path: Path, behind: bytes, notes: list[str], size: int
) -> None:
    found, said = read(write_log(tmp_path, gzip.compress(GOOD * 3) + behind), size)
    assert found == GOOD * (4 if GOOD[:20] in gzip_rest(behind) else 3)
    assert said == notes


def gzip_rest(behind: bytes) -> bytes:
    rest = behind.lstrip(b"\0")
    return gzip.decompress(rest) if len(rest) > 20 else b""


# --- Other texts ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [7, 128 * 1024])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_log_of_another_text_editor_is_read(
    tmp_path: Path, encoding: str, packed: bool, size: int
) -> None:
    text = (GOOD * 3).decode().replace("\n", "\r\n").replace("/a", "/é")
    data = text.encode(encoding)
    if encoding != "utf-8-sig":
        data = "\ufeff".encode(encoding) + data
    found, _ = read(write_log(tmp_path, gzip.compress(data) if packed else data), size)
    assert found.removeprefix(b"\xef\xbb\xbf").decode() == text
    assert tally_of(write_log(tmp_path, data), size).requests == 3


@pytest.mark.parametrize("size", [200, 128 * 1024])
def test_lines_may_end_in_carriage_returns_alone(tmp_path: Path, size: int) -> None:
    data = b"".join(GOOD.replace(b"/a", b"/%d" % number) for number in range(50))
    tally = tally_of(write_log(tmp_path, data.replace(b"\n", b"\r")), size)
    assert (tally.lines, tally.requests, tally.malformed) == (50, 50, 0)


def test_a_block_that_ends_between_two_line_ends_is_no_old_text(tmp_path: Path) -> None:
    data = GOOD.replace(b"\n", b"\r\n") * 3
    tally = tally_of(write_log(tmp_path, data), len(GOOD))
    assert (tally.lines, tally.requests) == (3, 3)


def test_a_damaged_gzip_file_is_reported(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(GOOD * 9000))
    data[-8:-4] = b"\0\0\0\0"
    with pytest.raises(LogUnreadable, match=r"damaged after [\d,]+ unpacked bytes"):
        tally_of(write_log(tmp_path, bytes(data)))


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"PK\x03\x04", "ZIP"), (b"BZh9", "bzip2"), (b"\xfd7zXZ\x00", "xz")],
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
