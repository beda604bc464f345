"""The bell of systems without inotify: who has committed knocks at a port of 127.0.0.1."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from jobs.brokers.wakeup import listener, udp, udp_listener
from jobs.brokers.wakeup.data_version import DataVersionListener
from jobs.brokers.wakeup.listener import sqlite_listener
from jobs.brokers.wakeup.udp import port_file, wake_up
from jobs.brokers.wakeup.udp_listener import UdpListener
from jobs.core import process_lock
from tests.brokers.listener import Listener
from tests.elsewhere import missing

NEVER = 3600.0


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def bell(
    tmp_path: Path, data_dir: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[UdpListener]:
    """A bell that only a knock wakes."""
    monkeypatch.setattr(udp_listener, "ASK_SECONDS", NEVER)
    made = UdpListener(tmp_path / "a.sqlite3", data_dir)
    yield made
    made.close()


def _commit(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO t VALUES (1)")
    database.commit()


def test_a_knock_wakes_who_listens(
    bell: UdpListener, database: sqlite3.Connection, data_dir: Path
) -> None:
    listener = Listener(bell)
    _commit(database)
    wake_up(data_dir)
    assert listener.answer() is True


def test_a_knock_without_a_commit_is_no_ring(
    bell: UdpListener, database: sqlite3.Connection, data_dir: Path
) -> None:
    listener = Listener(bell)
    wake_up(data_dir)
    listener.wait_asleep(2)
    assert listener.rang is None
    _commit(database)
    wake_up(data_dir)
    assert listener.answer() is True


def test_many_knocks_are_one_ring(
    bell: UdpListener, database: sqlite3.Connection, data_dir: Path
) -> None:
    for _ in range(100):
        _commit(database)
        wake_up(data_dir)
    assert bell.wait(10)
    listener = Listener(bell)
    bell.close()
    assert listener.answer() is False
    assert listener.slept <= 2, "one for the knocks, one for the end"


def test_a_commit_that_nobody_knocked_for_is_found(
    bell: UdpListener, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp_listener, "ASK_SECONDS", 0.05)
    listener = Listener(bell)
    _commit(database)
    assert listener.answer() is True


def test_a_socket_that_fails_is_as_if_there_was_none(
    bell: UdpListener, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a socket hears of datagrams that nobody took."""

    class Failing:
        def settimeout(self, seconds: float) -> None:
            pass

        def recv(self, size: int) -> NoReturn:
            raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(bell, "_socket", Failing())
        listener = Listener(bell)
        _commit(database)
        assert listener.answer() is True


def test_each_of_several_consumers_is_told(
    bell: UdpListener, tmp_path: Path, database: sqlite3.Connection, data_dir: Path
) -> None:
    other = UdpListener(tmp_path / "a.sqlite3", data_dir)
    listeners = [Listener(bell), Listener(other)]
    _commit(database)
    wake_up(data_dir)
    assert [listener.answer() for listener in listeners] == [True, True]
    other.close()
    assert list((data_dir / "bells").iterdir()) == [port_file(bell._port, data_dir)]


def test_who_leaves_takes_the_plate_along(bell: UdpListener, data_dir: Path) -> None:
    plate = port_file(bell._port, data_dir)
    assert plate.exists()
    bell.close()
    bell.close()
    assert not plate.exists()


def test_closing_wakes_who_listens(bell: UdpListener) -> None:
    listener = Listener(bell)
    closing = threading.Thread(target=bell.close)
    closing.start()
    assert listener.answer() is False
    closing.join(10)


def test_a_port_that_was_a_dead_consumers_is_left_alone(data_dir: Path) -> None:
    """Another program may have it by now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.setblocking(False)
        plate = port_file(stranger.getsockname()[1], data_dir)
        lock = process_lock.hold(plate)
        wake_up(data_dir)
        assert stranger.recv(9), "while the lock is held"
        lock.release()
        udp._known.clear()
        wake_up(data_dir)
        with pytest.raises(BlockingIOError):
            stranger.recv(9)
    assert not plate.exists()


def test_what_is_no_plate_is_left_alone(data_dir: Path) -> None:
    note = data_dir / "bells" / "README"
    note.parent.mkdir(parents=True)
    note.touch()
    wake_up(data_dir)
    assert note.exists()


def test_where_nobody_listens_a_knock_does_nothing(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(udp, "udp")
    wake_up(data_dir)
    assert not data_dir.exists()


def test_the_ports_are_looked_up_now_and_then_and_proven_more_rarely(
    bell: UdpListener, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, asked = [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    prove, iterdir = udp._is_dead, Path.iterdir

    def looked(folder: Path) -> Iterator[Path]:
        asked.append("look")
        return iterdir(folder)

    def proven(plate: Path) -> bool:
        asked.append("prove")
        return prove(plate)

    monkeypatch.setattr(Path, "iterdir", looked)
    monkeypatch.setattr(udp, "_is_dead", proven)
    for _ in range(1 + int(4 * udp.TRUSTED_SECONDS)):
        wake_up(data_dir)
        wake_up(data_dir)
        now[0] += 0.25
    assert asked.count("look") == udp.TRUSTED_SECONDS / udp.KNOWN_SECONDS + 1
    assert asked.count("prove") == 2


def _refused() -> NoReturn:
    raise PermissionError("no sockets here")


@pytest.mark.parametrize("way", ["refused", "lost"])
def test_where_no_datagram_gets_through_sqlite_is_asked(
    way: str,
    tmp_path: Path,
    database: sqlite3.Connection,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listener, "InotifyListener", missing)
    if way == "refused":
        monkeypatch.setattr(udp_listener, "udp", _refused)
    else:
        monkeypatch.setattr(udp_listener, "send", lambda ports: None)
        monkeypatch.setattr(udp_listener, "TRY_SECONDS", 0.05)
    made = sqlite_listener(tmp_path / "a.sqlite3", data_dir)
    assert isinstance(made, DataVersionListener)
    made.close()
    assert not (data_dir / "bells").exists()


def test_a_knock_that_is_refused_is_no_error(
    bell: UdpListener, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "udp", _refused)
    wake_up(data_dir)
    monkeypatch.undo()
