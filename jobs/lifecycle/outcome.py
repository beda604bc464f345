"""How an attempt ended, and where that leads its job: whether it is tried again, and when."""

from __future__ import annotations

from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from jobs.core.backoff import backoff_seconds
from jobs.core.states import COUNTED_FAILURES, AttemptOutcome, Status

from .claim import Claim

_FROM_CHILD: Final = (
    "result error_type message traceback final pause retry_in cannot_begin shortage "
    "is_logged".split()
)


# Not frozen: that alone would double what an outcome costs (6 microseconds a job, with it 13).
@dataclass(slots=True, kw_only=True)
class Outcome:
    """How the attempt of a claim ended. It decides where its job goes: ``target``, ``retry_at``.

    Attributes:
        result: JSON data.
        final: a failure that is not worth another attempt.
        pause: seconds that a released job waits, because it cannot run here now.
        retry_in: seconds until the next attempt after a failure, as the task has said; None leaves
            it to the usual pause.
        cannot_begin: the code of this process does not know the task, or not with these arguments.
        shortage: what the consumer's machine could not give to the attempt, for people.
        exception: what the task raised, if that was in this process.
        context: the context that it ran in, if that was in this process and it failed.
        cancel_requested: someone has asked for a cancel: a failure ends the job as cancelled.
        is_logged: whether the failure was logged, here or in the child process.
        consumer: host and process id, for people to read.
        seconds: how long the task ran; None when it did not begin, or nobody knows.
    """

    claim: Claim
    outcome: AttemptOutcome
    result: Any = None
    error_type: str = ""
    message: str = ""
    traceback: str = ""
    final: bool = False
    pause: float = 0.0
    retry_in: float | None = None
    cannot_begin: bool = False
    shortage: str = ""
    exception: BaseException | None = None
    context: Context | None = None
    cancel_requested: bool = False
    is_logged: bool = False
    ended_at: datetime = field(default_factory=timezone.now)
    consumer: str = ""
    seconds: float | None = None

    @property
    def is_failure(self) -> bool:
        """Whether the attempt counts as a failure; one that ends a cancelled job does not."""
        return self.outcome in COUNTED_FAILURES and not self.cancel_requested

    @property
    def target(self) -> Status:
        """The status this leads to when nobody asked for a cancel."""
        if self.outcome == AttemptOutcome.SUCCEEDED:
            return Status.SUCCEEDED
        if self.outcome == AttemptOutcome.CANCELLED:
            return Status.CANCELLED
        if self.outcome not in COUNTED_FAILURES:
            return Status.SCHEDULED if self.pause else Status.QUEUED
        spent = self.claim.failures + 1 >= self.claim.max_attempts
        return Status.FAILED if self.final or spent else Status.SCHEDULED

    @property
    def retry_at(self) -> datetime | None:
        """When the next attempt is due, None when there is none or it is due at once."""
        if self.target != Status.SCHEDULED:
            return None
        pause = self.pause or self.retry_in
        if pause is None:
            pause = backoff_seconds(self.claim.failures + 1)
        return self.ended_at + timedelta(seconds=pause)

    def to_json(self) -> dict[str, Any]:
        """Return what a child process tells its parent, as JSON data: the parent has the claim."""
        return {"outcome": self.outcome.value} | {name: getattr(self, name) for name in _FROM_CHILD}

    @classmethod
    def from_json(cls, claim: Claim, values: dict[str, Any]) -> Outcome:
        """Return the outcome that ``to_json`` described."""
        return cls(claim=claim, **values | {"outcome": AttemptOutcome(values["outcome"])})
