"""Tasks that have used the database and still run: each in its own kind of thread or process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from django.contrib.auth.models import User

from jobs import job
from tests.waiting import wait_until


def _say_and_wait(name: str, folder: str) -> None:
    """Say by a file that the task runs, and wait for the file ``go``."""
    Path(folder, name).touch()
    wait_until(lambda: Path(folder, "go").exists(), what="go")


@job(max_attempts=1)
def connected_in_thread(name: str, folder: str) -> None:
    """In a thread of the consumer."""
    User.objects.count()
    _say_and_wait(name, folder)


@job(max_attempts=1, executor="process")
def connected_in_process(name: str, folder: str) -> None:
    """In a process of its own."""
    User.objects.count()
    _say_and_wait(name, folder)


@job(max_attempts=1)
async def connected_in_loop(name: str, folder: str) -> None:
    """As a coroutine."""
    await User.objects.acount()
    await asyncio.to_thread(_say_and_wait, name, folder)


@job(max_attempts=1)
def without(name: str, folder: str) -> None:
    """In a thread of the consumer, without a query."""
    _say_and_wait(name, folder)
