"""The listener of an SQLite file: a datagram to its port of 127.0.0.1 wakes it."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from jobs.brokers.wakeup import udp, udp_listener
from jobs.brokers.wakeup.data_version import DataVersionListener
from jobs.brokers.wakeup.listener import sqlite_listener
from jobs.brokers.wakeup.udp import port_file, wake_up
from jobs.brokers.wakeup.udp_listener import UdpListener
from jobs.core import process_lock
from tests.brokers.listening import ListeningThread

NEVER = 3600.0


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def listener(
    tmp_path: Path, data_dir: Path, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[UdpListener]:
    """A listener that only a datagram wakes."""
    monkeypatch.setattr(udp_listener, "ASK_SECONDS", NEVER)
    made = UdpListener(tmp_path / "a.sqlite3", data_dir)
    yield made
    made.close()


def _commit(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO t VALUES (1)")
    database.commit()


def test_a_datagram_after_a_commit_wakes_it(
    listener: UdpListener, database: sqlite3.Connection, data_dir: Path
) -> None:
    waiting = ListeningThread(listener)
    _commit(database)
    wake_up(data_dir)
    assert waiting.result() is True


def test_a_datagram_without_a_commit_does_not_wake_it(
    listener: UdpListener, database: sqlite3.Connection, data_dir: Path
) -> None:
    waiting = ListeningThread(listener)
    wake_up(data_dir)
    waiting.wait_asleep(2)
    assert waiting.woken is None
    _commit(database)
    wake_up(data_dir)
    assert waiting.result() is True


def test_many_datagrams_wake_it_once(
    listener: UdpListener, database: sqlite3.Connection, data_dir: Path
) -> None:
    for _ in range(100):
        _commit(database)
        wake_up(data_dir)
    assert listener.wait(10)
    waiting = ListeningThread(listener)
    listener.close()
    assert waiting.result() is False
    assert waiting.slept <= 2, "once for the datagrams, once for the end"


def test_a_commit_without_a_datagram_is_found_by_asking(
    listener: UdpListener, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp_listener, "ASK_SECONDS", 0.05)
    waiting = ListeningThread(listener)
    _commit(database)
    assert waiting.result() is True


def test_with_a_socket_that_fails_it_asks_sqlite(
    listener: UdpListener, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a socket reports datagrams that nobody received."""

    class Failing:
        def settimeout(self, seconds: float) -> None:
            pass

        def recv(self, size: int) -> NoReturn:
            raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(listener, "_socket", Failing())
        waiting = ListeningThread(listener)
        _commit(database)
        assert waiting.result() is True


def test_each_of_several_consumers_is_woken(
    listener: UdpListener, tmp_path: Path, database: sqlite3.Connection, data_dir: Path
) -> None:
    other = UdpListener(tmp_path / "a.sqlite3", data_dir)
    waiting = [ListeningThread(listener), ListeningThread(other)]
    _commit(database)
    wake_up(data_dir)
    assert [thread.result() for thread in waiting] == [True, True]
    other.close()
    assert list((data_dir / "listeners").iterdir()) == [port_file(listener._port, data_dir)]


def test_closing_removes_the_port_file(listener: UdpListener, data_dir: Path) -> None:
    file = port_file(listener._port, data_dir)
    assert file.exists()
    listener.close()
    listener.close()
    assert not file.exists()


def test_closing_ends_the_wait(listener: UdpListener) -> None:
    waiting = ListeningThread(listener)
    closing = threading.Thread(target=listener.close)
    closing.start()
    assert waiting.result() is False
    closing.join(10)


def test_nothing_is_sent_to_the_port_of_a_dead_consumer(data_dir: Path) -> None:
    """Another program may have it by now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.setblocking(False)
        file = port_file(stranger.getsockname()[1], data_dir)
        lock = process_lock.hold(file)
        wake_up(data_dir)
        assert stranger.recv(9), "while the lock is held"
        lock.release()
        udp._known.clear()
        wake_up(data_dir)
        with pytest.raises(BlockingIOError):
            stranger.recv(9)
    assert not file.exists()


def test_a_file_that_is_no_port_file_is_left_alone(data_dir: Path) -> None:
    note = data_dir / "listeners" / "README"
    note.parent.mkdir(parents=True)
    note.touch()
    wake_up(data_dir)
    assert note.exists()


def test_where_nobody_listens_no_datagram_is_sent(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(udp, "new_socket")
    wake_up(data_dir)
    assert not data_dir.exists()


def test_ports_are_looked_up_each_second_and_proven_each_ten_seconds(
    listener: UdpListener, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, asked = [1000.0], []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    prove, iterdir = udp._is_dead, Path.iterdir

    def looked(folder: Path) -> Iterator[Path]:
        asked.append("look")
        return iterdir(folder)

    def proven(file: Path) -> bool:
        asked.append("prove")
        return prove(file)

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
    if way == "refused":
        monkeypatch.setattr(udp_listener, "new_socket", _refused)
    else:
        monkeypatch.setattr(udp_listener, "send", lambda ports: None)
        monkeypatch.setattr(udp_listener, "TEST_SECONDS", 0.05)
    made = sqlite_listener(tmp_path / "a.sqlite3", data_dir)
    assert isinstance(made, DataVersionListener)
    made.close()
    assert not (data_dir / "listeners").exists()


def test_a_datagram_that_is_refused_is_no_error(
    listener: UdpListener, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "new_socket", _refused)
    wake_up(data_dir)
    monkeypatch.undo()
