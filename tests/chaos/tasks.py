"""Tasks that write what they do into a ledger: one line, on the disk before they go on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from typing import Any

from jobs import InputFile, JobContext, job
from jobs.errors import GiveUp

COPY = "copy.txt"


def log_line(attempt: int, number: int) -> str:
    """Return the line that ``talk`` writes."""
    return f"attempt {attempt} says line {number}"


def _note(context: JobContext, what: str) -> None:
    line = json.dumps({"job": context.job_id, "attempt": context.attempt, "what": what})
    file = os.open(os.environ["CHAOS_LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(file, line.encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


def _wait(context: JobContext, seconds: float, until: str) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end or (until and not os.path.exists(until)):  # noqa: PTH110
        context.check_cancelled()
        time.sleep(min(0.02, seconds or 0.02))


def _effect(context: JobContext, seconds: float, until: str = "") -> dict[str, Any]:
    _note(context, "begin")
    context.progress(0, 1)
    _wait(context, seconds, until)
    _note(context, "end")
    return {"attempt": context.attempt}


@job
def work(context: JobContext, seconds: float = 0.0, until: str = "") -> dict[str, Any]:
    """Take a while, in a thread; or wait for a file."""
    return _effect(context, seconds, until)


@job(executor="process")
def compute(context: JobContext, seconds: float = 0.0, until: str = "") -> dict[str, Any]:
    """Take a while, in a process."""
    return _effect(context, seconds, until)


@job(executor="process", max_attempts=1, timeout=1)
def compute_quickly(context: JobContext) -> dict[str, Any]:
    """Take no while, in a process, within a second."""
    return _effect(context, 0.0)


@job
async def await_it(context: JobContext, seconds: float = 0.0) -> dict[str, Any]:
    """Take a while, on the event loop."""
    _note(context, "begin")
    await asyncio.sleep(seconds)
    _note(context, "end")
    return {"attempt": context.attempt}


@job
def copy(context: JobContext, file: InputFile, until: str = "") -> dict[str, Any]:
    """Keep a file's content as an artifact; before that, wait for a file."""
    content = file.path
    _note(context, "begin")
    _wait(context, 0.0, until)
    context.save_artifact(COPY, content)
    _note(context, "end")
    return {"attempt": context.attempt}


@job(executor="process")
def copy_in_process(context: JobContext, file: InputFile, until: str = "") -> dict[str, Any]:
    """The same from a process, without a copy on this machine's disk."""
    with file.open() as source:
        content = source.read()
    _note(context, "begin")
    _wait(context, 0.0, until)
    context.save_artifact(COPY, content)
    _note(context, "end")
    return {"attempt": context.attempt}


@job
def talk(context: JobContext, lines: int, seconds: float) -> dict[str, Any]:
    """Write so many lines into the log, over some time."""
    _note(context, "begin")
    for number in range(lines):
        context.log(log_line(context.attempt, number))
        _wait(context, seconds / lines, "")
    _note(context, "end")
    return {"attempt": context.attempt}


@job(max_attempts=2)
def fail(context: JobContext) -> None:
    """Fail each time."""
    _note(context, "begin")
    raise ValueError("as asked")


@job
def give_up(context: JobContext) -> None:
    """Fail for good."""
    _note(context, "begin")
    raise GiveUp("as asked")


@job(executor="process", max_attempts=1)
def die(context: JobContext) -> None:
    """Kill the process that runs it."""
    _note(context, "begin")
    os.kill(os.getpid(), signal.SIGKILL)


@job(max_attempts=1)
def die_with_all(context: JobContext) -> None:
    """Kill the process that runs it: the first time that is the consumer."""
    _note(context, "begin")
    os.kill(os.getpid(), signal.SIGKILL)


@job(executor="process", max_attempts=2)
def kill_the_parent(context: JobContext) -> None:
    """Kill the consumer, from a process of its own."""
    _note(context, "begin")
    os.kill(os.getppid(), signal.SIGKILL)


@job(executor="process", max_attempts=1)
def die_with_a_fork(context: JobContext) -> None:
    """Leave a process that holds all our files open, say half of something, and die."""
    if (child := os.fork()) == 0:
        signal.pause()
    _note(context, f"fork {child}")
    print("x" * 10_000_000)
    os.kill(os.getpid(), signal.SIGKILL)


@job(max_attempts=1, timeout=1)
async def block_the_loop(context: JobContext, until: str) -> None:
    """Never let go of the event loop."""
    while not os.path.exists(until):  # noqa: ASYNC240, PTH110
        time.sleep(0.02)  # noqa: ASYNC251
