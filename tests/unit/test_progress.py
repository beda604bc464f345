"""How the page says how far a job is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.core.states import Status
from jobs.models import Job
from jobs.web.progress import page_title, progress_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def running(done: float | None, total: float | None, message: str = "", seconds: float = 60) -> Job:
    return Job(
        status=Status.RUNNING,
        progress_done=done,
        progress_total=total,
        progress_message=message,
        started_at=NOW - timedelta(seconds=seconds),
    )


@pytest.mark.parametrize(
    ("done", "total", "message", "text"),
    [
        (620_000.0, 1_000_000.0, "lines", "620,000 of 1,000,000 lines"),
        (3, 10, "reading the head", "3 of 10, reading the head"),
        (9_612_554, 13_638_467, "352,550 lines", "352,550 lines"),
        (12, None, "pages", "12 pages"),
        (0.25, 1.0, "", "0.25 of 1"),
        (None, None, "", ""),
    ],
)
def test_numbers_and_message_are_combined(
    done: float | None, total: float | None, message: str, text: str
) -> None:
    progress = progress_of(running(done, total, message), NOW)
    assert progress is not None
    assert progress.text == text


@pytest.mark.parametrize(
    ("done", "total", "seconds", "left"),
    [
        (50, 100, 60, 60),
        (75, 100, 60, 20),
        (50, 100, 2, None),  # too early to tell
        (0.5, 100, 60, None),
        (100, 100, 60, None),
        (50, None, 60, None),
    ],
)
def test_the_time_left_is_shown_only_once_it_can_be_estimated(
    done: float, total: float | None, seconds: float, left: float | None
) -> None:
    progress = progress_of(running(done, total, seconds=seconds), NOW)
    assert progress is not None
    assert progress.left == pytest.approx(left) if left else progress.left is None


def test_only_a_running_job_has_progress() -> None:
    assert progress_of(Job(status=Status.SUCCEEDED, progress_done=1), NOW) is None


def test_the_title_has_the_progress_or_the_status() -> None:
    assert page_title(running(62.9, 100), "Square") == "62 % Square"
    assert page_title(running(None, None), "Square") == "Square: running"
    assert page_title(Job(status=Status.FAILED), "Square") == "Square: failed"
