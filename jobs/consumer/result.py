"""What a task returned or raised, as something that can be stored: the same words from a thread,
a coroutine and a child process."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, replace
from typing import Any

from jobs.catalog.context import Reporter
from jobs.conf import get_conf
from jobs.core.jsonutils import storable
from jobs.core.states import AttemptOutcome
from jobs.core.storage import RESULT_FILE
from jobs.errors import GiveUp, InvalidArguments, JobCancelled, JobsError, UnknownTask


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a run ended. Plain JSON data, so that a child process can send it."""

    ending: str
    result: Any = None
    error_type: str = ""
    message: str = ""
    traceback: str = ""
    final: bool = False
    pause: float = 0.0
    unfit: bool = False


def answer_value(value: Any, reporter: Reporter) -> Answer:
    """Return the answer for what a task returned: a large value goes into a file."""
    if value is None:
        return Answer(ending=AttemptOutcome.SUCCEEDED)
    try:
        result, text = storable(value)
    except (ValueError, TypeError, RecursionError) as error:
        return Answer(
            ending=AttemptOutcome.FAILED,
            error_type="InvalidResult",
            message=f"The task returned something that is no JSON: {error}",
            final=True,
        )
    if len(text.encode()) <= get_conf().max_result:
        return Answer(ending=AttemptOutcome.SUCCEEDED, result=result)
    reporter.artifact(RESULT_FILE, json.dumps(result, ensure_ascii=False, indent=1))
    return Answer(ending=AttemptOutcome.SUCCEEDED)


def answer_error(error: BaseException) -> Answer:
    """Return the answer for what a task raised, or what kept it from starting."""
    if isinstance(error, JobCancelled):
        return Answer(ending=AttemptOutcome.CANCELLED, error_type="Cancelled", message=str(error))
    ours = isinstance(error, UnknownTask | InvalidArguments)
    return Answer(
        ending=AttemptOutcome.FAILED,
        error_type=type(error).__name__ if ours else qualified_name(error),
        message=describe(error),
        traceback="" if ours else traceback_of(error),
        final=ours or isinstance(error, GiveUp),
    )


def answer_unfit(error: JobsError) -> Answer:
    """Return the answer for a job that the code here cannot begin: the task is gone, or takes
    other arguments."""
    return replace(answer_error(error), unfit=True)


def timed_out(seconds: float) -> Answer:
    """Return the answer for an attempt that took too long."""
    return Answer(
        ending=AttemptOutcome.TIMED_OUT,
        error_type="Timeout",
        message=f"timed out after {seconds:g} s",
    )


def never_began(seconds: float) -> Answer:
    """Return the answer for an attempt whose process did not come as far as the task."""
    return Answer(
        ending=AttemptOutcome.TIMED_OUT,
        error_type="Timeout",
        message=f"its process did not begin within {seconds:g} s: an import may hang",
    )


def released(why: str, pause: float = 0.0) -> Answer:
    """Return the answer for an attempt that costs its job nothing but perhaps a pause."""
    message = f"handed back: {why}"
    return Answer(
        ending=AttemptOutcome.RELEASED, error_type="Released", message=message, pause=pause
    )


def cancelled(by: str) -> Answer:
    """Return the answer for an attempt that was ended from outside because someone asked."""
    return answer_error(JobCancelled(by))


def qualified_name(error: BaseException) -> str:
    """The exception's class with its module, as Python writes it in a traceback."""
    kind = type(error)
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"


def describe(error: BaseException) -> str:
    """The exception's message; one whose ``__str__`` fails is said to do so."""
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001  (any code may be in there)
        return f"<no message: its __str__ raised {type(broken).__name__}>"


def traceback_of(error: BaseException) -> str:
    """The traceback from the task's own frame on: our frames above it tell its author nothing."""
    frames = error.__traceback__
    while frames is not None and _is_ours(frames.tb_frame.f_globals):
        frames = frames.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # noqa: BLE001  (a hostile __str__ again)
        return "".join(traceback.format_tb(frames))


def _is_ours(names: dict[str, Any]) -> bool:
    return str(names.get("__name__", "")).startswith("jobs.consumer")
