"""The write-ahead log begins anew, also with readers that never leave a gap."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from django.db import connection

from jobs import lifecycle
from jobs.consumer.wal import trim_wal
from jobs.models import Job

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's log"),
]


def log_size() -> int:
    return Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size


def timeout() -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        return int(cursor.fetchone()[0])


def test_a_large_log_begins_anew() -> None:
    lifecycle.insert_job(Job(task="t"))
    before = timeout()
    assert log_size() > 0
    assert trim_wal(max_bytes=0)
    assert log_size() == 0
    assert timeout() == before > 2000


def test_a_small_one_is_left_alone() -> None:
    lifecycle.insert_job(Job(task="t"))
    size = log_size()
    assert not trim_wal(max_bytes=size)
    assert log_size() == size


def test_a_reader_that_stays_is_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.consumer.wal.WAIT_MS", 1)
    monkeypatch.setattr("jobs.consumer.wal.logger.propagate", True)
    lifecycle.insert_job(Job(task="t"))
    reader = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT COUNT(*) FROM jobs_job").fetchone()
    lifecycle.insert_job(Job(task="t"))
    assert trim_wal(max_bytes=0)
    assert log_size() > 0
    assert "readers keep it" in caplog.text
    reader.close()
