"""Bytes on their way from one thread to another."""

from __future__ import annotations

import threading
from random import Random

import pytest

from jobs.core import spool as module
from jobs.core.spool import Spool, SpoolClosed

SECONDS = 20.0


def everything(spool: Spool) -> bytes:
    """Take until the end, waiting where nothing is there."""
    found = b""
    while (data := spool.take()) is not None:
        found += data
        if not data:
            spool.wait()
    return found


def test_what_is_written_is_taken_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 100)
    monkeypatch.setattr(module, "PIECE", 7)
    random, spool, taken, written = Random(1), Spool(), b"", b""
    for _ in range(2000):
        if random.random() < 0.5:
            data = random.randbytes(random.randrange(90))
            spool.write(data)
            written += data
        else:
            taken += spool.take() or b""
        if random.random() < 0.02:
            while piece := spool.take():
                taken += piece
            assert taken == written
    spool.end()
    assert taken + everything(spool) == written
    assert spool.size == len(written)
    assert spool.is_complete
    assert spool.take() is None
    spool.close()


def test_little_is_in_memory_however_much_is_written() -> None:
    spool, data = Spool(), b"x" * 100_000
    for _ in range(100):
        spool.write(data)
    assert sum(map(len, spool._pieces)) <= module.IN_MEMORY
    spool.end()
    assert len(everything(spool)) == 10_000_000
    assert spool._file is not None
    spool.close()
    assert spool._file.closed


def test_the_room_on_the_disk_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 10)
    spool = Spool()
    for _ in range(50):
        spool.write(b"x" * 1000)
        assert spool.take() == b"x" * 1000
        assert spool.take() == b""
    assert spool._file is not None
    assert spool._file.seek(0, 2) == 0
    spool.close()


def test_who_waits_goes_on_when_something_comes() -> None:
    spool, taken = Spool(), list[bytes]()
    thread = threading.Thread(target=lambda: taken.append(everything(spool)))
    thread.start()
    for data in (b"a", b"b", b""):
        spool.write(data)
    spool.end()
    thread.join(SECONDS)
    assert taken == [b"ab"]


@pytest.mark.parametrize("how", ["write", "end", "close"])
def test_a_reader_is_woken_once(how: str) -> None:
    spool, woken = Spool(), list[str]()
    spool.when_ready(lambda: woken.append("woken"))
    assert not woken
    {"write": lambda: spool.write(b"a"), "end": spool.end, "close": spool.close}[how]()
    spool.end()
    assert woken == ["woken"]
    spool.when_ready(lambda: woken.append("at once"))
    assert woken == ["woken", "at once"]


def test_an_error_is_all_that_is_left() -> None:
    spool = Spool()
    spool.write(b"a")
    spool.end()
    spool.end(OSError("cut"))
    spool.end(OSError("again"))
    for _ in range(2):
        with pytest.raises(OSError, match="cut"):
            spool.take()
    assert not spool.is_complete


def test_nothing_is_written_for_a_reader_who_has_left() -> None:
    spool = Spool()
    spool.close()
    with pytest.raises(SpoolClosed):
        spool.write(b"a")
