"""Everything that Jobdesk raises, as one small tree.

``Refused`` is what a submitter did and can mend; ``Conflict`` is a state that forbids the wish;
``Unavailable`` passes by itself. ``GiveUp`` and ``JobCancelled`` are for tasks. ``str(error)`` is
a sentence that a user may read.
"""

from __future__ import annotations

from typing import TypedDict


class JobsError(Exception):
    """Something went wrong at the job desk."""


class FieldError(TypedDict):
    """One wrong argument: where (an RFC 6901 JSON pointer) and what."""

    pointer: str
    detail: str


class Refused(JobsError):
    """The submission was refused; nothing was recorded."""


class UnknownTask(Refused):
    """There is no such task."""

    def __init__(self, name: str, nearest: list[str] | None = None) -> None:
        self.name = name
        self.nearest = nearest or []
        hint = f" Did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(f"There is no task named {name!r}.{hint}")


class UnknownQueue(Refused):
    """There is no such queue."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        super().__init__(f"There is no queue named {name!r}. Known: {', '.join(known)}.")


class InvalidArguments(Refused):
    """The arguments do not fit the task."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        told = "; ".join(f"{e['pointer'] or 'arguments'}: {e['detail']}" for e in errors[:5])
        more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
        super().__init__(f"The arguments do not fit: {told}{more}")


class InvalidOptions(InvalidArguments):
    """What was said beside the arguments (priority, run_after, ...) does not fit."""


class NotAllowed(Refused):
    """This user may not do this."""


class TooLarge(Refused):
    """What was sent is over the limit."""

    def __init__(self, what: str, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The {what} is over the limit of {limit:,} bytes.")


class QueueFull(Refused):
    """The queue holds as many waiting jobs as it may."""

    def __init__(self, queue: str, limit: int, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"The queue {queue!r} already holds {limit:,} waiting jobs. "
            f"Try again in {retry_after} s."
        )


class Conflict(JobsError):
    """The state of things forbids it."""


class IdempotencyConflict(Conflict):
    """This Idempotency-Key was used for another request."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was already used for a different request.")


class NotCancellable(Conflict):
    """The job has finished."""


class NotRetryable(Conflict):
    """The job cannot be run again."""


class Unavailable(JobsError):
    """The database cannot take it at the moment; nothing was recorded."""

    def __init__(self, why: str, retry_after: int = 2) -> None:
        self.retry_after = retry_after
        super().__init__(f"{why} Nothing was recorded. Try again in {retry_after} s.")


class GiveUp(JobsError):
    """Raised by a task: this job is not worth another attempt."""


class JobCancelled(JobsError):
    """Raised inside a task, by its context: someone asked for the job to be cancelled."""

    def __init__(self, by: str = "") -> None:
        self.by = by
        super().__init__(f"cancelled by {by}" if by else "cancelled")


class BrokerError(JobsError):
    """The broker cannot be used as configured."""
