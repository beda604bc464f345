"""The listeners of an SQLite file: a commit wakes them, and nothing else does."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.brokers.base import Listener
from jobs.brokers.wakeup import udp_listener
from jobs.brokers.wakeup.data_version import DataVersionListener
from jobs.brokers.wakeup.listener import TimedListener, sqlite_listener
from jobs.brokers.wakeup.udp_listener import UdpListener


def _udp(database: Path) -> Listener:
    return UdpListener(database, database.parent / "var")


LISTENERS: list[Callable[[Path], Listener]] = [DataVersionListener, _udp]


@pytest.fixture(params=LISTENERS)
def listener(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Listener]:
    """Each kind of listener. Nobody sends datagrams here."""
    monkeypatch.setattr(udp_listener, "ASK_SECONDS", 0.02)
    made: Listener = request.param(tmp_path / "a.sqlite3")
    yield made
    made.close()


def test_each_commit_wakes_it(listener: Listener, database: sqlite3.Connection) -> None:
    for number in range(20):
        commit = threading.Thread(target=_commit, args=(database, number))
        commit.start()
        assert listener.wait(10), f"commit {number}"
        commit.join()


def test_a_commit_before_the_wait_wakes_it(
    listener: Listener, database: sqlite3.Connection
) -> None:
    _commit(database, 1)
    assert listener.wait(10)


def test_nothing_wakes_it_without_a_commit(
    listener: Listener, database: sqlite3.Connection
) -> None:
    database.execute("INSERT INTO t VALUES (1)")
    assert not listener.wait(0.2)
    database.rollback()
    assert not listener.wait(0.2)


def test_closing_ends_the_wait(listener: Listener) -> None:
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(listener.wait(60)))
    waiting.start()
    listener.close()
    waiting.join(10)
    assert answers == [False]


def test_a_database_without_a_file_is_polled(tmp_path: Path) -> None:
    listener = sqlite_listener(tmp_path / "missing.sqlite3", tmp_path)
    assert isinstance(listener, TimedListener)
    assert listener.wait(10)


def _commit(database: sqlite3.Connection, value: int) -> None:
    database.execute("INSERT INTO t VALUES (?)", (value,))
    database.commit()
