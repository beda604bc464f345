"""The time of a log line is the process's own, and says how far that is from UTC."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest

from jobs.core.log_lines import LineFormatter


@pytest.fixture
def kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("the time zone of a process cannot be set here")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Kathmandu")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("kathmandu")
def test_a_line_begins_with_the_local_time() -> None:
    record = logging.LogRecord("jobs", logging.INFO, __file__, 1, "ready: %s", ("mail",), None)
    record.created = 0.123
    line = LineFormatter().format(record)
    assert line == "1970-01-01T05:30:00.123+05:30 INFO jobs: ready: mail"
