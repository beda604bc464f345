"""The inside of a child process that runs one task at a time: ``python -m jobs.worker.child``.

It gets a task's name and JSON on its standard input, a line a message, and answers in lines on
its standard output. Nothing is pickled. When its input ends, its parent is gone and so is it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

PROGRESS_SECONDS = 0.2


class Wire:
    """The line to the parent. Lines are whole: several threads may write."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def send(self, **message: Any) -> None:
        """Send one message."""
        line = json.dumps(message, ensure_ascii=True)
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()


class ChildReporter:
    """A context's reporter that passes everything on; progress not more often than it is read."""

    def __init__(self, wire: Wire, job_id: uuid.UUID, attempt: int) -> None:
        self._wire = wire
        self._job_id = job_id
        self._attempt = attempt
        self._progress: tuple[float, float | None, str] | None = None
        self._next = 0.0
        self.cancel_by: str | None = None

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Note how far it is; send it when the last was sent long enough ago."""
        self._progress = (float(done), None if total is None else float(total), message)
        if time.monotonic() >= self._next:
            self.flush()

    def flush(self) -> None:
        """Send the last progress."""
        progress, self._progress = self._progress, None
        self._next = time.monotonic() + PROGRESS_SECONDS
        if progress is not None:
            self._wire.send(progress=progress)

    def log(self, text: str) -> None:
        """Send a line of the log."""
        self._wire.send(log=str(text))

    def print(self, text: str) -> None:
        """Send what the task printed."""
        self._wire.send(print=text)

    def cancelled_by(self) -> str | None:
        """Who asked for the job to be cancelled."""
        return self.cancel_by

    def artifact(self, name: str, data: bytes | str | Path) -> None:
        """Store a file and tell of it."""
        from .attempts import store_artifact

        note = asdict(store_artifact(self._job_id, self._attempt, name, data))
        del note["id"], note["attempt"]
        self._wire.send(artifact=note)


def main() -> None:
    """Serve runs until the parent closes the line."""
    _leave_signals_to_the_parent()
    wire = Wire(_take_standard_output())
    import django

    django.setup()
    from .capture import captured
    from .child_run import run
    from .invoke import Order

    inbox: SimpleQueue[tuple[Order, ChildReporter]] = SimpleQueue()

    def receive(order: Order) -> ChildReporter:
        reporter = ChildReporter(wire, uuid.UUID(order.job), order.attempt)
        inbox.put((order, reporter))
        return reporter

    listening = (lambda run: receive(Order(**run)),)
    threading.Thread(target=_listen, args=listening, name="parent", daemon=True).start()
    with captured():
        wire.send(ready=os.getpid())
        while True:
            run(*inbox.get(), wire)


def _leave_signals_to_the_parent() -> None:
    """Ctrl-C reaches a whole terminal and a service manager's SIGTERM a whole group of processes;
    how a running task ends is for the parent to say.

    A handler that does nothing, because SIG_IGN would be inherited by what a task starts.
    """
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, frame: None)


def _take_standard_output() -> TextIO:
    """Keep the line for ourselves: what C code prints must not end up between our messages."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii", newline="\n")
    os.dup2(2, 1)
    return out


def _listen(receive: Callable[[dict[str, Any]], ChildReporter]) -> None:
    """Pass on orders, and cancels to the order they follow, which may not have begun yet."""
    reporter: ChildReporter | None = None
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "run" in message:
            reporter = receive(message["run"])
        elif "cancel" in message and reporter is not None:
            reporter.cancel_by = message["cancel"]
    # End of file: the parent is gone, and with it everyone who would read an answer.
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)  # what the task has started goes too
    os._exit(0)


if __name__ == "__main__":
    main()
