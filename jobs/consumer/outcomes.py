"""What a task returned or raised, as the outcome of its attempt: the same from a thread, a
coroutine and a child process."""

from __future__ import annotations

import json
import traceback
from typing import Any, Final

from jobs.catalog.context import Reporter
from jobs.catalog.registry import load_task
from jobs.catalog.task import JobTask
from jobs.conf import get_conf
from jobs.core.result_json import NotJson, result_json
from jobs.core.shortages import shortage
from jobs.core.states import AttemptOutcome, Status
from jobs.core.storage import RESULT_FILE
from jobs.errors import (
    CannotStart,
    InvalidArguments,
    JobCancelled,
    JobsError,
    OutOfResources,
    TimeLimitReached,
    TryAgain,
    Unavailable,
    UnknownTask,
)
from jobs.lifecycle import Claim, Outcome

from .exception_groups import failure_in, has_given_up, meant_by
from .hand_back import hand_back_pause, may_be_handed_back

CALLERS: Final = ("jobs.consumer", "jobs.testing", "asgiref.", "asyncio.")
"""What calls a task, the last two for coroutines: their frames come first in its traceback."""


def outcome_of_value(claim: Claim, value: Any, reporter: Reporter) -> Outcome:
    """Return the outcome for what a task returned: a large value goes into a file."""
    if value is None:
        return Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED)
    try:
        result, text = result_json(value)
    except NotJson as error:
        return Outcome(
            claim=claim,
            outcome=AttemptOutcome.FAILED,
            error_type="InvalidResult",
            message=f"The task returned something that JSON cannot hold: {error}.",
            final=True,
        )
    if len(text.encode()) <= get_conf().max_result:
        return Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED, result=result)
    reporter.artifact(RESULT_FILE, json.dumps(result, ensure_ascii=False, indent=1))
    return Outcome(claim=claim, outcome=AttemptOutcome.SUCCEEDED)


def outcome_of_error(claim: Claim, error: BaseException) -> Outcome:
    """Return the outcome for what a task raised, or what kept it from beginning."""
    meant = meant_by(error)
    if isinstance(meant, JobCancelled):
        return Outcome(
            claim=claim,
            outcome=AttemptOutcome.CANCELLED,
            error_type="Cancelled",
            message=str(meant),
        )
    if isinstance(meant, TimeLimitReached):
        return timed_out(claim)
    if isinstance(meant, CannotStart) or (
        isinstance(meant, OutOfResources) and may_be_handed_back(claim)
    ):
        return short_of(claim, meant)
    ours = isinstance(error, UnknownTask | InvalidArguments)
    expected = bool(getattr(error, "is_expected", False))
    return Outcome(
        claim=claim,
        outcome=AttemptOutcome.FAILED,
        error_type=type(error).__name__ if ours else qualified_name(error),
        message=describe(error),
        traceback="" if ours or expected else traceback_of(error),
        final=ours or has_given_up(error),
        retry_in=meant.seconds if isinstance(meant, TryAgain) else None,
        is_logged=expected,
        # It keeps the variables of the task alive until the failure was logged.
        exception=error.with_traceback(None) if ours else without_our_frames(error),
    )


def outcome_of_task_error(claim: Claim, error: BaseException) -> Outcome:
    """Return the outcome for what a task raised: its declaration says what is tried again."""
    meant = meant_by(error)
    if isinstance(meant, Unavailable) and may_be_handed_back(claim):
        return released(claim, meant.why, hand_back_pause(claim))
    outcome = outcome_of_error(claim, error)
    if outcome.outcome != AttemptOutcome.FAILED or outcome.final:
        return outcome
    task = load_task(claim.task, claim.module_path)
    why = task.retry_policy.why_final(failure_in(error)) if isinstance(task, JobTask) else ""
    if why and outcome.target != Status.FAILED:
        outcome.traceback += f"\nNot tried again: {why}.\n"
    outcome.final = bool(why)
    return outcome


def outcome_before_start(claim: Claim, error: BaseException) -> Outcome:
    """Return the outcome for what kept a task from beginning, whoever raised it: too little of
    something costs nothing then, because nothing of the task has run."""
    why = shortage(error)
    if why and not isinstance(error, OutOfResources):
        error = CannotStart("the task could not be begun", why)
    return outcome_of_error(claim, error)


def could_not_begin(claim: Claim, error: JobsError) -> Outcome:
    """Return the outcome of a job that the code here cannot begin: the task is gone, or takes other
    arguments."""
    outcome = outcome_of_error(claim, error)
    outcome.cannot_begin = True
    return outcome


def timed_out(claim: Claim) -> Outcome:
    """Return the outcome of an attempt that took longer than its time limit."""
    return Outcome(
        claim=claim,
        outcome=AttemptOutcome.TIMED_OUT,
        error_type="Timeout",
        message=f"timed out after {claim.timeout or 0.0:g} s",
    )


def never_began(claim: Claim, seconds: float) -> Outcome:
    """Return the outcome of an attempt whose child process had loaded the project and did not begin
    the task in this time."""
    return Outcome(
        claim=claim,
        outcome=AttemptOutcome.TIMED_OUT,
        error_type="Timeout",
        message=f"its process did not begin within {seconds:g} s: an import may hang",
    )


def released(claim: Claim, reason: str, pause: float = 0.0) -> Outcome:
    """Return the outcome of an attempt that costs its job nothing but perhaps a pause."""
    return Outcome(
        claim=claim,
        outcome=AttemptOutcome.RELEASED,
        error_type="Released",
        message=f"handed back: {reason}",
        pause=pause,
    )


def short_of(claim: Claim, error: OutOfResources) -> Outcome:
    """Return the outcome of an attempt for which this machine has too little of something."""
    outcome = released(claim, str(error), hand_back_pause(claim))
    outcome.shortage = str(error)
    return outcome


def cancelled(claim: Claim, by: str) -> Outcome:
    """Return the outcome of an attempt that was ended from outside because someone asked for it."""
    return outcome_of_error(claim, JobCancelled(by))


def qualified_name(error: BaseException) -> str:
    """Return the exception's class with its module, as Python writes it in a traceback."""
    kind = type(error)
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def describe(error: BaseException) -> str:
    """Return the exception's message, or a note that its ``__str__`` fails."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001  (any code may be in there)
        return f"<no message: its __str__ raised {type(broken).__name__}>"


def without_our_frames(error: BaseException) -> BaseException:
    """Return the exception with a traceback that begins at the task's own frame."""
    frames = error.__traceback__
    while frames is not None and _is_ours(frames.tb_frame.f_globals):
        frames = frames.tb_next
    return error.with_traceback(frames)


def traceback_of(error: BaseException) -> str:
    """Return the traceback from the task's own frame on, without our frames above it."""
    frames = without_our_frames(error).__traceback__
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # noqa: BLE001  (a hostile __str__ again)
        return "".join(traceback.format_tb(frames))


def _is_ours(names: dict[str, Any]) -> bool:
    return str(names.get("__name__", "")).startswith(CALLERS)
