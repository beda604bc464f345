"""Tasks that wait for a file, write to a ledger, misbehave in one way each."""

from __future__ import annotations

import asyncio
import builtins
import logging
import logging.config
import os
import signal
import sys
import threading
import time
import warnings
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jobs import JobContext, job
from jobs.compat import task
from jobs.errors import GiveUp

logger = logging.getLogger(__name__)


@job
def square(n: int) -> int:
    """Return the square."""
    return n * n


@job
def branching(n: int) -> int:
    """Compute, by two calls for each."""
    return n if n < 2 else branching.func(n - 1) + branching.func(n - 2)


_connections = threading.local()


@job
def fetch(url: str) -> str:
    """Return the text of a page; each thread keeps its connection."""
    parts = urlsplit(url)
    kept: dict[str, HTTPConnection] = vars(_connections)
    connection = kept.get(parts.netloc) or HTTPConnection(parts.netloc, timeout=30)
    kept[parts.netloc] = connection
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().read().decode("ascii")
    except BaseException:
        connection.close()  # the next request opens it again
        raise


@job
def moment() -> float:
    """Return the time."""
    return time.time()


@job
def ledger(path: str, line: str) -> None:
    """Append a line: the effect that a test counts."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def _wait_for(path: str, context: JobContext | None = None) -> None:
    while not Path(path).exists():
        if context is not None:
            context.check_cancelled()
        time.sleep(0.01)


@job(max_attempts=1)
def hold(context: JobContext, path: str) -> int:
    """Wait until a file appears; return the process."""
    _wait_for(path, context)
    return os.getpid()


@job(max_attempts=1)
def tell_and_hold(ledger: str, path: str) -> None:
    """Write down the time, then wait until a file appears."""
    with Path(ledger).open("a", encoding="utf-8") as file:
        file.write(f"{time.time()}\n")
    _wait_for(path)


@job(executor="process", max_attempts=1)
def hold_in_process(path: str) -> int:
    """Wait until a file appears, in a process of its own."""
    _wait_for(path)
    return os.getpid()


@job(max_attempts=1)
async def hold_in_loop(path: str) -> int:
    """Wait until a file appears, as a coroutine."""
    await asyncio.to_thread(_wait_for, path)
    return os.getpid()


@job(max_attempts=1, timeout=0.5)
def late(path: str) -> None:
    """Wait longer than allowed, in a thread that never looks up."""
    _wait_for(path)


@job(max_attempts=1, timeout=0.5, executor="process")
def late_in_process(path: str) -> None:
    """Wait longer than allowed, in a process."""
    _wait_for(path)


@job(max_attempts=1, timeout=0.5)
async def late_in_loop() -> None:
    """Wait longer than allowed, as a coroutine."""
    await asyncio.Event().wait()


@job(executor="process", max_attempts=1)
def die() -> None:
    """Kill the process that runs it."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


@job(max_attempts=2)
def kill_the_consumer() -> int:
    """Take the whole process down, wherever it runs."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    return 0


@job
def fail(times: int, context_path: str) -> int:
    """Fail so many times, then succeed; the count is in a file."""
    with Path(context_path).open("a", encoding="utf-8") as file:
        file.write("x")
    runs = len(Path(context_path).read_text(encoding="utf-8"))
    if runs <= times:
        raise ValueError(f"failure {runs}")
    return runs


@job(max_attempts=5)
def hopeless() -> None:
    """Not worth a retry."""
    raise GiveUp("the address does not exist")


@job(max_attempts=1)
def leave() -> None:
    """Try to end the process the polite way."""
    sys.exit("goodbye")


@job(max_attempts=1)
def no_json() -> Any:
    """Return something that is no JSON."""
    return object()


@job(max_attempts=1)
def ten_megabytes() -> list[str]:
    """Return more than a row holds."""
    return ["x" * 1000] * 10_000


@job(max_attempts=1)
def talk(context: JobContext, megabytes: int = 0) -> None:
    """Say something in every way there is."""
    print("printed \ud800 and \x00")
    print("to standard error", file=sys.stderr)
    logger.info("logged")
    context.log("told")
    context.progress(3, 4, "nearly there")
    for _ in range(megabytes * 1024):
        print("y" * 1023)


@job(executor="process", max_attempts=1)
def talk_in_process(context: JobContext) -> str:
    """The same from a child process."""
    print("printed in a child")
    logger.info("logged in a child")
    context.progress(1, 2, "half")
    context.save_artifact("note.txt", "from a child")
    return context.idempotency_key


@job
def surroundings() -> dict[str, Any]:
    """What the process around a task looks like."""
    return {
        "print": builtins.print.__module__,
        "excepthook": sys.excepthook is sys.__excepthook__,
        "root": sorted(type(handler).__name__ for handler in logging.getLogger().handlers),
        "log_method": logging.Logger.callHandlers.__module__,
        "folder": str(Path.cwd()),
    }


@task
def plain(a: int, b: int = 2) -> int:
    """A task of Django's own."""
    return a + b


@task(takes_context=True)
def plain_with_context(context: Any, a: int) -> list[int]:
    """A task of Django's own that wants its context."""
    return [context.attempt, a]


class Shelf:
    """Has an exception inside, as a model has ``DoesNotExist``."""

    class Empty(LookupError):
        """Nothing is there."""


@job(max_attempts=1)
def raise_inner() -> None:
    """Fail with an exception that is defined inside a class."""
    raise Shelf.Empty("nothing is on the shelf")


@job(max_attempts=1, executor="process")
def raise_in_process() -> None:
    """Fail in a process of its own."""
    raise ValueError("raised in a process")


@job(max_attempts=1)
async def raise_as_coroutine() -> None:
    """Fail as a coroutine."""
    raise ValueError("raised in a coroutine")


@job(max_attempts=1)
def write_in_every_way() -> None:
    """Log and print as libraries do, some of it wrongly."""
    logger.warning("%d items", "three")
    logging.config.dictConfig({"version": 1, "root": {"level": "ERROR"}})
    logger.info("logged by a logger that is disabled now")
    warnings.warn("this is old", UserWarning, stacklevel=1)
    sys.stdout.buffer.write("bytes \u20ac\n".encode())
    sys.stdout.reconfigure(encoding="ascii")  # type: ignore[union-attr]
    print("text \u20ac")
    thread = threading.Thread(target=print, args=("printed by a thread",))
    thread.start()
    thread.join()
    for percent in (0, 50, 100):
        print(f"\r{percent}%", end="", file=sys.stderr, flush=True)


@job(max_attempts=1, executor="process")
def write_in_every_way_in_process() -> None:
    """The same in a child process."""
    write_in_every_way.func()


@job(max_attempts=1)
async def write_in_a_coroutine() -> None:
    """Print from a coroutine and from the threads that it waits for."""
    print("printed by a coroutine")
    await asyncio.to_thread(print, "printed by to_thread")
    await asyncio.get_running_loop().run_in_executor(None, print, "printed by an executor")


@job(max_attempts=1, executor="process")
def leave_a_thread(context: JobContext, path: str) -> int:
    """Start a thread that goes on, and says so, until a file appears."""

    def go_on() -> None:
        while not Path(path).exists():
            print("from a job that has ended")
            context.log("from a job that has ended")
            context.progress(7, message="from a job that has ended")
            time.sleep(0.001)

    threading.Thread(target=go_on, daemon=True).start()
    return os.getpid()


@job(max_attempts=1, executor="process")
def be_quiet(path: str) -> int:
    """Print one line, then end the thread of ``leave_a_thread``."""
    print("my own")
    time.sleep(0.05)
    Path(path).touch()
    return os.getpid()


@job(max_attempts=2)
def log_and_fail_once(context: JobContext) -> None:
    """Log in two attempts, of which one fails."""
    logger.info("in attempt %d", context.attempt)
    if context.attempt == 1:
        raise ValueError("once")


@job(max_attempts=1)
def log_and_die(context: JobContext, path: str) -> None:
    """Log more than is kept, wait until that can be read, then take the consumer down."""
    if context.attempt > 1:
        return
    for number in range(30_000):
        print(f"{number:06} {'x' * 92}")
    _wait_for(path)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
