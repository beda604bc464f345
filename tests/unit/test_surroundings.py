"""What a task changes in its child process is put back, as far as one process can try it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.consumer.task_process.surroundings import Leaks, put_back, remember


@pytest.fixture
def before() -> Iterator[None]:
    """Whatever the code under test does, the next test finds what this one found."""
    folder, environment, mask = Path.cwd(), dict(os.environ), os.umask(0o022)
    depth, streams = sys.getrecursionlimit(), (sys.stdin, sys.stdout, sys.stderr)
    root = logging.getLogger()
    handlers, level, handler = list(root.handlers), root.level, signal.getsignal(signal.SIGTERM)
    yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.umask(mask)
    sys.setrecursionlimit(depth)
    sys.stdin, sys.stdout, sys.stderr = streams
    socket.setdefaulttimeout(None)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.disable(logging.NOTSET)
    signal.signal(signal.SIGTERM, handler)


def _seen() -> dict[str, object]:
    mask = os.umask(0o022)
    os.umask(mask)
    root = logging.getLogger()
    return {
        "folder": Path.cwd(),
        "environment": dict(os.environ),
        "mask": mask,
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "signal": signal.getsignal(signal.SIGTERM),
        "logging": (list(root.handlers), root.level, root.manager.disable),
        "limits": (sys.getrecursionlimit(), socket.getdefaulttimeout()),
    }


@pytest.mark.usefixtures("before")
def test_each_of_them_is_as_it_was(tmp_path: Path) -> None:
    seen = _seen()
    undos = remember()
    os.chdir(tmp_path)
    os.environ["LEFT_BEHIND"] = "x"
    os.umask(0)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    logging.getLogger().handlers[:] = []
    logging.getLogger().setLevel(1)
    logging.disable(logging.CRITICAL)
    sys.setrecursionlimit(sys.getrecursionlimit() + 5)
    socket.setdefaulttimeout(3.0)
    opened = sys.stdout
    put_back(undos)
    opened.close()
    assert _seen() == seen


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no timers of this kind")
def test_a_timer_that_is_set_ends_nobody_elses_job() -> None:
    undos = remember()
    signal.setitimer(signal.ITIMER_REAL, 3600)
    put_back(undos)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.usefixtures("before")
def test_a_folder_that_was_removed_stops_nothing(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    undos = remember()
    os.environ["LEFT_BEHIND"] = "x"
    os.chdir(tmp_path)
    gone.rmdir()
    put_back(undos)
    assert "LEFT_BEHIND" not in os.environ


def test_a_task_that_leaves_more_at_each_run_is_told_from_one_that_keeps_a_pool() -> None:
    leaks = Leaks()
    go = threading.Event()
    threads = [threading.Thread(target=go.wait, args=(10,)) for _ in range(2)]
    found = leaks.count()
    threads[0].start()
    assert leaks.count() == found + 1
    assert not leaks.has_leaked("pool", found), "the first run may keep something"
    assert not leaks.has_leaked("pool", found + 1)
    threads[1].start()
    assert leaks.has_leaked("pool", found + 1)
    go.set()
    for thread in threads:
        thread.join()
