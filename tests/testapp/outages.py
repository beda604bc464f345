"""Tasks that meet an outage, some of them in a group of exceptions."""

from __future__ import annotations

import asyncio
import os

from jobs import job
from jobs.errors import Unavailable


def _meet_one() -> None:
    raise Unavailable("The storage of files cannot be used now.")


@job(max_attempts=1)
def outage_in_thread() -> None:
    """Raise a group, as libraries for threads do."""
    try:
        _meet_one()
    except Unavailable as error:
        raise ExceptionGroup("several uploads", [error]) from None


@job(max_attempts=1, executor="process")
def outage_in_process() -> None:
    """The same in a child process."""
    outage_in_thread.func()


@job(max_attempts=1)
async def outage_in_loop() -> None:
    """Have one of two coroutines meet it."""

    async def meet_one() -> None:
        _meet_one()

    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(60))
        group.create_task(meet_one())


@job(max_attempts=1, executor="process")
async def outage_in_loop_in_process() -> None:
    """The same in a child process."""
    await outage_in_loop.func()


@job(max_attempts=1, executor="process")
async def own_loop() -> int:
    """Return the process, which has an event loop for this."""
    await asyncio.sleep(0)
    return os.getpid()
