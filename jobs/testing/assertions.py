"""Assertions about the jobs that wait, with messages that show what does wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from .enqueued_jobs import EnqueuedJob, enqueued, named_task, require_arguments

if TYPE_CHECKING:
    from .enqueued_jobs import AnyTask

MOST_SHOWN: Final = 5
CLOSE_ENOUGH: Final = timedelta(seconds=1)


def assert_enqueued(
    task: AnyTask | str,
    args: Mapping[str, Any] | None = None,
    *,
    queue: str | None = None,
    priority: int | None = None,
    at: datetime | timedelta | None = None,
    count: int | None = None,
) -> EnqueuedJob:
    """Assert that a job of a task waits; return the first.

    What is None, and an argument that ``args`` does not name, may have any value.

    Args:
        task: the task or its name.
        args: values of arguments by name, as the function gets them or as JSON data.
        queue: the queue that it waits in.
        priority: its priority.
        at: it is not to run before this time, within a second; a timedelta is from now.
        count: so many wait, no more.

    Raises:
        AssertionError: none waits, or another number of them.
        UnknownTask, TypeError: there is no such task, or it has no such argument.
    """
    expected = _Expected(args or {}, queue, priority, at)
    matching, others = expected.split(task)
    if not matching or (count is not None and len(matching) != count):
        wanted = "a job" if count is None else f"{count} job{'s' * (count != 1)}"
        raise AssertionError(expected.message(task, f"Expected {wanted} of", matching, others))
    return matching[0]


def assert_not_enqueued(
    task: AnyTask | str,
    args: Mapping[str, Any] | None = None,
    *,
    queue: str | None = None,
    priority: int | None = None,
    at: datetime | timedelta | None = None,
) -> None:
    """Assert that no such job waits; the arguments are those of ``assert_enqueued``.

    Raises:
        AssertionError: one waits.
        UnknownTask, TypeError: there is no such task, or it has no such argument.
    """
    expected = _Expected(args or {}, queue, priority, at)
    matching, _ = expected.split(task)
    if matching:
        raise AssertionError(expected.message(task, "Expected no job of", matching, []))


class _Expected:
    """What is asked of a job."""

    def __init__(
        self,
        args: Mapping[str, Any],
        queue: str | None,
        priority: int | None,
        at: datetime | timedelta | None,
    ) -> None:
        self._args, self._queue, self._priority = args, queue, priority
        self._at = timezone.now() + at if isinstance(at, timedelta) else at

    def split(self, task: AnyTask | str) -> tuple[list[EnqueuedJob], list[EnqueuedJob]]:
        """Return the waiting jobs of the task that match, and the others, the nearest first."""
        require_arguments(named_task(task), self._args)
        waiting = enqueued(task)
        others = [one for one in waiting if self._differences(one)]
        return (
            [one for one in waiting if not self._differences(one)],
            sorted(others, key=lambda one: len(self._differences(one))),
        )

    def message(
        self,
        task: AnyTask | str,
        beginning: str,
        matching: list[EnqueuedJob],
        others: list[EnqueuedJob],
    ) -> str:
        """Return what was expected, what matches, and how the nearest differ."""
        name = task if isinstance(task, str) else task.name
        lines = [f"{beginning} {name}{self._shown()}; found {len(matching)}."]
        lines += [f"  {one}" for one in matching[:MOST_SHOWN]]
        for one in others[:MOST_SHOWN]:
            lines += [f"  not this one: {one}", f"    {'; '.join(self._differences(one))}"]
        if not matching and not others:
            waiting = enqueued()
            lines.append("  No job of this task waits. These do:" if waiting else "  No job waits.")
            lines += [f"  {one}" for one in waiting[:MOST_SHOWN]]
        return "\n".join(lines)

    def _shown(self) -> str:
        wanted = {"queue": self._queue, "priority": self._priority, "at": self._at}
        parts = [f"{name}={value!r}" for name, value in self._args.items()]
        parts += [f"{name} {value}" for name, value in wanted.items() if value is not None]
        return f" with {', '.join(parts)}" if parts else ""

    def _differences(self, one: EnqueuedJob) -> list[str]:
        found = one.differences(self._args)
        if self._queue is not None and one.queue != self._queue:
            found.append(f"its queue is {one.queue!r}, not {self._queue!r}")
        if self._priority is not None and one.priority != self._priority:
            found.append(f"its priority is {one.priority}, not {self._priority}")
        if self._at is not None and not _is_at(one.run_after, self._at):
            found.append(f"it runs at {one.run_after or 'once'}, not {self._at}")
        return found


def _is_at(found: datetime | None, expected: datetime) -> bool:
    return found is not None and abs(found - expected) <= CLOSE_ENOUGH
