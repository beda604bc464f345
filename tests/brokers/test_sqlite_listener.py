"""The bells of an SQLite file: they ring for a commit and are silent otherwise."""

from __future__ import annotations

import platform
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.brokers.base import Listener
from jobs.brokers.wakeup import inotify, udp_listener
from jobs.brokers.wakeup.data_version import DataVersionListener
from jobs.brokers.wakeup.inotify import InotifyListener
from jobs.brokers.wakeup.listener import TimedListener, sqlite_listener
from jobs.brokers.wakeup.udp_listener import UdpListener


def _loopback(database: Path) -> Listener:
    return UdpListener(database, database.parent / "var")


BELLS: list[Callable[[Path], Listener]] = [DataVersionListener, _loopback]
if platform.system() == "Linux":
    BELLS.append(InotifyListener)


@pytest.fixture(params=BELLS)
def bell(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Listener]:
    """Each kind of bell, listening. Nobody knocks here."""
    monkeypatch.setattr(udp_listener, "ASK_SECONDS", 0.02)
    made: Listener = request.param(tmp_path / "a.sqlite3")
    yield made
    made.close()


def test_it_rings_for_each_commit(bell: Listener, database: sqlite3.Connection) -> None:
    for number in range(20):
        ring = threading.Thread(target=_commit, args=(database, number))
        ring.start()
        assert bell.wait(10), f"commit {number}"
        ring.join()


@pytest.mark.skipif(platform.system() != "Linux", reason="inotify is Linux's")
@pytest.mark.parametrize("bell", [InotifyListener], indirect=True)
def test_it_rings_for_a_commit_that_is_slow_to_be_seen(
    bell: Listener, database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a slow disk: none of the looks that follow the growth of the log sees it."""
    monkeypatch.setattr(inotify, "VISIBLE_AFTER", ())
    for number in range(3):
        _commit(database, number)
        assert bell.wait(10), f"commit {number}"


def test_it_rings_for_a_commit_before_the_wait(
    bell: Listener, database: sqlite3.Connection
) -> None:
    _commit(database, 1)
    assert bell.wait(10)


def test_it_is_silent_without_a_commit(bell: Listener, database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO t VALUES (1)")
    assert not bell.wait(0.2)
    database.rollback()
    assert not bell.wait(0.2)


def test_closing_wakes_who_waits(bell: Listener) -> None:
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(bell.wait(60)))
    waiting.start()
    bell.close()
    waiting.join(10)
    assert answers == [False]


def test_a_database_without_a_file_is_looked_at_on_time(tmp_path: Path) -> None:
    bell = sqlite_listener(tmp_path / "missing.sqlite3", tmp_path)
    assert isinstance(bell, TimedListener)
    assert bell.wait(10)


def _commit(database: sqlite3.Connection, value: int) -> None:
    database.execute("INSERT INTO t VALUES (?)", (value,))
    database.commit()
