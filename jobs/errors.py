"""The exceptions of Jobdesk.

``Refused``: the submitter can correct the request. ``Conflict``: the state of a job does not allow
it. ``Unavailable``: it may work later. ``GiveUp``, ``TryAgain``, ``JobCancelled``,
``CommandFailed`` and ``OutOfResources`` are raised by tasks.
``str(error)`` is a sentence for users.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypedDict


def shorten(text: str, most: int = 100) -> str:
    """Return a text for a message, cut to so many characters: it may be as long as a request."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


class JobsError(Exception):
    """The base class of all exceptions of Jobdesk."""

    @property
    def public(self) -> str:
        """The message as anybody may read it."""
        return str(self)


class FieldError(TypedDict):
    """One wrong argument: an RFC 6901 JSON pointer to it and a sentence about it."""

    pointer: str
    detail: str


class Refused(JobsError):
    """The submission was refused; no job was created."""


class UnknownTask(Refused):
    """There is no such task."""

    def __init__(self, name: str, nearest: list[str] | None = None) -> None:
        self.name = name
        self.nearest = nearest or []
        hint = f" Did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        super().__init__(f"There is no task named {shorten(name)!r}.{hint}")


class UnknownQueue(Refused):
    """There is no such queue."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        super().__init__(f"There is no queue named {shorten(name)!r}. Known: {', '.join(known)}.")


class InvalidArguments(Refused):
    """The arguments do not fit the task."""

    def __init__(self, errors: list[FieldError]) -> None:
        self.errors = errors
        shown = "; ".join(
            f"{shorten(e['pointer']) or 'arguments'}: {shorten(e['detail'], 600)}"
            for e in errors[:5]
        )
        more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
        super().__init__(f"The arguments do not fit: {shown}{more}")


class UnsupportedType(InvalidArguments, TypeError):
    """An argument has a type that would not arrive in the task; Django's contract has TypeError."""


class InvalidOptions(InvalidArguments):
    """An option (priority, run_after, ...) is not valid."""


class NotAllowed(Refused):
    """The user does not have the permission."""


class TooLarge(Refused):
    """The request or the file is over the size limit (in bytes)."""

    def __init__(self, what: str, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The {what} is over the limit of {limit:,} bytes.")


class LimitState(NamedTuple):
    """How much of a limit is left, as the headers ``RateLimit`` and ``RateLimit-Policy`` have it.

    ``window`` and ``reset`` are in seconds; None for a limit of what there is at a time. ``unit``
    is empty for a limit of jobs.
    """

    name: str
    quota: int
    remaining: int
    window: int | None = None
    reset: int | None = None
    unit: str = ""


class LimitReached(Refused):
    """There is no room for more now.

    Attributes:
        retry_after: seconds.
        limits: those of the request, the reached one among them.
    """

    def __init__(self, why: str, retry_after: int, limits: Sequence[LimitState] = ()) -> None:
        self.retry_after = retry_after
        self.limits = limits
        super().__init__(f"{why} Try again in {retry_after:,} s.")


class QueueFull(LimitReached):
    """The queue has as many waiting and scheduled jobs as it may."""

    def __init__(
        self, queue: str, limit: int, retry_after: int, limits: Sequence[LimitState] = ()
    ) -> None:
        why = f"The queue {shorten(queue)!r} already holds {limit:,} waiting jobs."
        super().__init__(why, retry_after, limits)


class QuotaExceeded(LimitReached):
    """The user has as much of something as one user may."""


class Conflict(JobsError):
    """The job's state, or an earlier request, does not allow this."""


class IdempotencyConflict(Conflict):
    """The Idempotency-Key was used for a different request.

    Attributes:
        first: the fingerprint of the request that the key belongs to, a SHA-256 in hex.
        this: the fingerprint of this request.
    """

    def __init__(self, first: str, this: str) -> None:
        self.first = first
        self.this = this
        super().__init__(
            "This Idempotency-Key was already used for a different request: "
            f"its fingerprint is {first}, that of this request {this}."
        )


class JobChanged(Conflict):
    """The job is not in a version that the request was meant for.

    Attributes:
        etag: the entity tag of its present version.
    """

    def __init__(self, etag: str) -> None:
        self.etag = etag
        super().__init__(
            f"The job is not as If-Match has it: its ETag is {etag}. Nothing was done."
        )


class WrongOffset(Conflict):
    """An upload does not go on there. ``stored`` are the bytes that are, None if unknown."""

    def __init__(self, offset: int, stored: int | None) -> None:
        self.stored = stored
        why = "another request was quicker" if stored is None else f"{stored:,} bytes are stored"
        super().__init__(f"This upload does not go on at {offset:,}: {why}.")


class UploadBusy(Conflict):
    """Another request works on this upload; ``retry_after`` is in seconds."""

    retry_after = 2

    def __init__(self) -> None:
        super().__init__("Another request is completing this upload.")


class NotCancellable(Conflict):
    """The job has finished."""


class NotRetryable(Conflict):
    """The job cannot be run again."""


class Unavailable(JobsError):
    """The database or the storage cannot do it now. ``retry_after`` is in seconds.

    A task that raises it is handed back at no cost, and runs again after a pause.
    """

    def __init__(self, why: str, retry_after: int = 2, *, cause: str = "") -> None:
        self.why = why
        self.retry_after = retry_after
        self._public = f"{why} Nothing was recorded. Try again in {retry_after} s."
        super().__init__(f"{self._public} ({cause})" if cause else self._public)

    @property
    def public(self) -> str:
        """The message without the driver's text, which may name hosts and users."""
        return self._public


class GiveUp(JobsError):
    """Raised by a task: the job has failed and is not to be tried again."""


class TryAgain(JobsError):
    """Raised by a task: the attempt has failed, and the next one, if any is left, is due after so
    many seconds, whatever the usual pause is."""

    def __init__(self, why: str, seconds: float) -> None:
        self.seconds = min(max(0.0, float(seconds)), 366 * 86_400.0)
        super().__init__(why)


class JobCancelled(JobsError):
    """Raised by the context inside a task: someone asked for the job to be cancelled."""

    def __init__(self, by: str = "") -> None:
        self.by = by
        super().__init__(f"cancelled by {by}" if by else "cancelled")


class Timeout(JobsError, TimeoutError):
    """The attempt took longer than its time limit; in the errors of a ``TaskResult``."""


class WorkerDied(JobsError):
    """The process that ran the attempt died; in the errors of a ``TaskResult``."""


class AttemptFailed(JobsError):
    """Stands for an exception that was raised in another process and cannot be made again here."""


class ResultFileMissing(JobsError):
    """The result was too large for the job's row, and the file that held it is gone."""

    def __init__(self, job_id: object) -> None:
        super().__init__(f"The file with the result of job {job_id} is gone from the storage.")


class TransactionLeftOpen(JobsError):
    """A task has returned inside a transaction; what it wrote there is rolled back."""

    def __init__(self, databases: list[str]) -> None:
        self.databases = databases
        super().__init__(
            f"The task has returned without ending its transaction on {', '.join(databases)}: what "
            "it wrote there is rolled back. Use `with transaction.atomic():`, or commit."
        )


class TimeLimitReached(JobsError):
    """Raised by the context inside a task: the attempt has no time left."""


class AttemptEnded(JobsError):
    """Raised by the context inside a task: its attempt is over, and another one may run."""


class OutOfResources(JobsError, OSError):
    """Raised by the context inside a task: the machine cannot give what it asks for now (a process,
    a thread, an open file, room on the disk).

    A job whose task does not catch it is handed back at no cost, and runs again a little later.
    """

    def __init__(self, what: str, why: str, number: int | None = None) -> None:
        self.what = what
        self.why = why
        super().__init__(f"{what}: {why}")
        self.errno = number


class CannotStart(OutOfResources):
    """A consumer could not begin an attempt: nothing of its task has run."""


class CommandFailed(JobsError):
    """A command that a task ran ended with an exit code other than 0.

    Attributes:
        command: the program and its arguments.
        returncode: the exit code; on POSIX -9 stands for signal 9.
        output: the end of what it wrote.
    """

    def __init__(self, command: Sequence[str], returncode: int, output: str) -> None:
        self.command = command
        self.returncode = returncode
        self.output = output
        last = output.rstrip().rpartition("\n")[2][-300:].strip()
        super().__init__(f"{command[0]} {self._how()}{f': {last}' if last else ''}")

    def _how(self) -> str:
        code = self.returncode
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


class CommandTimedOut(CommandFailed):
    """A command that a task ran took longer than its own time limit of ``timeout`` seconds."""

    def __init__(self, command: Sequence[str], code: int, output: str, timeout: float) -> None:
        self.timeout = timeout
        super().__init__(command, code, output)

    def _how(self) -> str:
        return f"took longer than {self.timeout:g} s"


class BrokerError(JobsError):
    """The broker cannot be used: its URL is not valid, or a package is not installed."""
