"""How far a running job is, as its page says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jobs.core.formatting import format_number, stage_text
from jobs.core.states import Status
from jobs.models import Job

_NO_ESTIMATE_BEFORE: Final = timedelta(seconds=3)
_MIN_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a running job. ``left``: seconds, None while they cannot be estimated.

    ``stage`` is what it does now, ``Stage 2 of 3: Importing``; the numbers count within it.
    """

    percent: float | None
    done: float | None
    total: float | None
    message: str
    since: datetime | None
    left: float | None
    stage: str = ""

    @property
    def text(self) -> str:
        """The numbers and the task's message: ``620,000 of 1,000,000 lines``.

        A message of one word is the unit of the numbers. A message that contains a number says
        more than the numbers do (``352,550 lines``, while those count bytes) and is shown alone.
        """
        if self.stage and not self.done and not self.message:
            return ""  # the stage has only begun
        if self.done is None or any(letter.isdigit() for letter in self.message):
            return self.message
        count = format_number(self.done)
        if self.total is not None:
            count += f" of {format_number(self.total)}"
        separator = ", " if " " in self.message else " "
        return f"{count}{separator}{self.message}" if self.message else count


def progress_of(job: Job, now: datetime) -> Progress | None:
    """Return the progress of a running job, None for any other."""
    if job.status != Status.RUNNING:
        return None
    return Progress(
        percent=job.percent,
        done=job.progress_done,
        total=job.progress_total or None,
        message=job.progress_message,
        since=job.started_at,
        left=None if job.progress_stage else seconds_left(job, now),
        stage=stage_text(job.progress_stage),
    )


def seconds_left(job: Job, now: datetime) -> float | None:
    """Estimate the seconds left from the time so far; None when it is too early to say."""
    share = (job.percent or 0) / 100
    if job.started_at is None or not _MIN_SHARE <= share < 1:
        return None
    passed = now - job.started_at
    if passed < _NO_ESTIMATE_BEFORE:
        return None
    return passed.total_seconds() * (1 - share) / share


def page_title(job: Job, title: str) -> str:
    """Return the title of the page: the browser's tab shows it while another tab is open."""
    if job.status == Status.RUNNING and job.percent is not None:
        return f"{int(job.percent)} % {title}"
    return f"{title}: {job.get_status_display()}"
