"""A command of a task: ended with the attempt, and told apart from a command that failed."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from jobs.core.command import Command, CommandResult
from jobs.core.shortages import shortage
from jobs.errors import (
    AttemptEnded,
    CommandTimedOut,
    JobCancelled,
    OutOfResources,
    TimeLimitReached,
)

from .reporter import Reporter


def run_command(
    reporter: Reporter, command: Command, timeout: float | None, *, check: bool
) -> CommandResult:
    """Run a command of an attempt; as ``JobContext.run``."""
    _refuse_event_loop()
    return _run(reporter, command, timeout, check=check)


async def run_command_from_coroutine(
    reporter: Reporter, command: Command, limit: float | None, *, check: bool
) -> CommandResult:
    """Run a command while the event loop does other things."""
    # A thread of its own: those of the loop are as many as the processor has cores, and four.
    thread = ThreadPoolExecutor(1, thread_name_prefix="command")
    try:
        work = asyncio.get_running_loop().run_in_executor(
            thread, lambda: _run(reporter, command, limit, check=check)
        )
    except (RuntimeError, MemoryError) as error:
        _raise_shortage(error)
        raise
    finally:
        thread.shutdown(wait=False)
    try:
        return await work
    except asyncio.CancelledError:
        command.end()
        raise


def _run(
    reporter: Reporter, command: Command, timeout: float | None, *, check: bool
) -> CommandResult:
    _raise_if_over(reporter)
    limit, is_own = _limit(reporter, timeout)
    try:
        with reporter.resources.end_with_attempt(command.end):
            result = command.run(reporter.log, limit)
    except CommandTimedOut as error:
        _raise_if_over(reporter)
        if is_own:
            raise
        raise TimeLimitReached from error
    except (OSError, RuntimeError, MemoryError) as error:
        _raise_shortage(error)
        raise
    _raise_if_over(reporter)
    if check:
        result.check()
    return result


def _raise_shortage(error: BaseException) -> None:
    if why := shortage(error):
        number = getattr(error, "errno", None)
        raise OutOfResources("the command could not be started", why, number) from error


def _limit(reporter: Reporter, timeout: float | None) -> tuple[float | None, bool]:
    """Return after how many seconds the command is ended, and whether that is its own limit."""
    if reporter.deadline is None:
        return timeout, True
    left = max(0.0, reporter.deadline - time.monotonic())
    if timeout is not None and timeout <= left:
        return timeout, True
    return left, False


def _raise_if_over(reporter: Reporter) -> None:
    by = reporter.cancelled_by()
    if by is not None:
        raise JobCancelled(by)
    if reporter.resources.is_over:
        raise AttemptEnded("The attempt is over: it ran too long, or another consumer has the job.")


def _refuse_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError("context.run would block all coroutines: use 'await context.arun(...)'.")
