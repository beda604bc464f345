"""Tasks that start processes in every way there is, and read or write what is not theirs."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from jobs import JobContext, job
from tests.testapp.doubling import double


def count_users(_: int) -> int:
    """Ask the database."""
    return User.objects.count()


def every_way(with_models: Collection[str]) -> dict[str, Any]:
    """Start processes in every way that this system has.

    Args:
        with_models: the ways in which a new process knows the project's models.
    """
    found: dict[str, Any] = {}
    for name in multiprocessing.get_all_start_methods():
        method: Any = multiprocessing.get_context(name)
        process = method.Process(target=int)
        process.start()
        process.join()
        found[f"{name} process"] = process.exitcode
        waiting = method.Process(target=time.sleep, args=(600,))
        waiting.start()
        waiting.terminate()
        waiting.join()
        found[f"{name} terminated"] = waiting.exitcode
        with method.Pool(2) as pool:
            found[f"{name} pool"] = pool.map(double, range(3))
            if name in with_models:
                found[f"{name} database"] = pool.map(count_users, range(2))
        # A thread of the pool starts others in place of those that have done their share.
        with method.Pool(2, maxtasksperchild=1) as pool:
            found[f"{name} pool of one-offs"] = pool.map(double, range(3), chunksize=1)
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=method) as executor:
            found[f"{name} executor"] = list(executor.map(double, range(3)))
    found["subprocess"] = subprocess.run([sys.executable, "-c", "input()"], check=False).returncode
    # The connection of this process still works.
    found["users"] = User.objects.count()
    return found


@job(max_attempts=1, executor="process", timeout=120)
def start_in_process() -> dict[str, Any]:
    """Start processes from a child process."""
    return every_way(multiprocessing.get_all_start_methods())


@job(max_attempts=1, timeout=120)
def start_in_thread() -> dict[str, Any]:
    """Start processes from a consumer's thread; ``manage.py`` sets Django up in forks alone."""
    return every_way(["fork"])


def bare_forks(context: JobContext) -> list[int]:
    """Fork and end the new process in ways that only a whole program should."""
    codes: list[int] = []
    for way in ("os._exit", "sys.exit", "report", "raise", "return"):
        pid = os.fork()
        if pid:
            codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            continue
        print("from a fork", "x" * 100_000)
        context.log("from a fork")
        context.progress(1, 1)
        if way == "os._exit":
            os._exit(3)
        if way == "sys.exit":
            sys.exit(4)
        if way == "raise":
            raise ValueError("in a fork")
        return [way == "return"]
    return codes


@job(max_attempts=1, executor="process")
def bare_forks_in_process(context: JobContext) -> list[int]:
    """Fork from a child process."""
    return bare_forks(context)


@job(max_attempts=1)
def bare_forks_in_thread(context: JobContext) -> list[int]:
    """Fork from a consumer's thread."""
    return bare_forks(context)


@job(max_attempts=1, executor="process")
def read_and_write() -> list[Any]:
    """Read standard input, write to the descriptor of standard output."""
    os.write(1, b'{"outcome": "not ours"}\nnot even JSON\n')
    subprocess.run([sys.executable, "-c", "print('from a program')"], check=True)
    return [sys.stdin.read(), os.read(0, 10).decode()]


@job(max_attempts=1)
def read_by_a_program() -> str:
    """Start a program that reads standard input to its end."""
    read = "import sys; print(repr(sys.stdin.read()))"
    done = subprocess.run([sys.executable, "-c", read], check=True, stdout=subprocess.PIPE)
    return done.stdout.decode().strip()


@job(max_attempts=1, executor="process")
def leave_a_daemon(ready: str, go: str) -> None:
    """Fork a process with a session of its own, then die; it holds what it inherited."""
    if os.fork() == 0:
        os.setsid()
        Path(ready).touch()
        while not Path(go).exists():
            time.sleep(0.01)
        os._exit(0)
    while not Path(ready).exists():
        time.sleep(0.01)
    os._exit(7)


@job(max_attempts=1, executor="process")
def change_the_process(folder: str) -> dict[str, Any]:
    """Return what the process is like, then change it."""
    import locale
    import logging
    import signal

    mask = os.umask(0)
    number = getattr(signal, "SIGALRM", signal.SIGTERM)
    seen = {
        "folder": str(Path.cwd()),
        "variable": os.environ.get("LEFT_BEHIND"),
        "mask": mask,
        "stdout": type(sys.stdout).__name__,
        "alarm": str(signal.getsignal(number)),
        "locale": locale.setlocale(locale.LC_ALL),
        "disabled": logging.root.manager.disable,
        "recursion": sys.getrecursionlimit(),
        "pid": os.getpid(),
    }
    os.chdir(folder)
    os.environ["LEFT_BEHIND"] = "1"
    sys.stdout = sys.__stderr__
    locale.setlocale(locale.LC_ALL, "C")
    logging.disable(logging.CRITICAL)
    sys.setrecursionlimit(2000)
    signal.signal(number, lambda *_: os._exit(9))
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0.2)
    return seen


@job(max_attempts=1, executor="process")
def outlast(seconds: float) -> int:
    """Run for longer than the timer that another task may have left."""
    time.sleep(seconds)
    return os.getpid()


_kept: list[Any] = []


@job(max_attempts=1, executor="process")
def leak(each_time: bool) -> int:
    """Leave a thread that goes on talking: at each run, or at the first one only."""
    if each_time or not _kept:
        thread = threading.Thread(target=_talk)
        thread.start()
        _kept.append(thread)
    return os.getpid()


def _talk() -> None:
    while True:
        time.sleep(0.001)
