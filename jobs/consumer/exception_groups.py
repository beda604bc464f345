"""What a task means by a group of exceptions (PEP 654), which ``asyncio.TaskGroup`` raises even
when one of its coroutines alone has failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jobs.errors import GiveUp, JobCancelled, OutOfResources, TimeLimitReached, Unavailable

NO_FAILURES: Final = (JobCancelled, TimeLimitReached, Unavailable, OutOfResources)
"""What ends an attempt without being an error of the task; of several, the first here counts."""


def meant_by(error: BaseException) -> BaseException:
    """Return the exception that decides how the attempt has ended.

    A group that holds nothing but what is no failure is like the first of those. With one failure
    among them the group is a failure: another attempt may meet it again, and at no cost it would
    come for ever.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    inside = list(_inside(error))
    if not all(isinstance(one, NO_FAILURES) for one in inside):
        return error
    return min(inside, key=_place)


def has_given_up(error: BaseException) -> bool:
    """Whether the task has raised ``GiveUp``, alone or beside other exceptions."""
    return any(isinstance(one, GiveUp) for one in _inside(error))


def failure_in(error: BaseException) -> BaseException:
    """Return what of an exception is a failure: a group without those parts that are none; all of
    it, if no part is a failure."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    _, rest = error.split(NO_FAILURES)
    return error if rest is None else rest


def _inside(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for one in error.exceptions:
        yield from _inside(one)


def _place(error: BaseException) -> int:
    return next(place for place, kind in enumerate(NO_FAILURES) if isinstance(error, kind))
