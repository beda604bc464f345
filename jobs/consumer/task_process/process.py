"""A child process as its consumer process sees it: started, sent to, read from, killed."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any, Final

from django.db import connections

from jobs.core.command.job_object import JobObject
from jobs.core.shortages import shortage
from jobs.errors import CannotStart

from .exit_status import ExitStatus
from .protocol import DATABASE_NAMES, Message, MessageWriter

logger = logging.getLogger("jobs")

NO_PROCESS: Final = "no process could be started for a task"
END_SECONDS: Final = 15.0
"""How long a child that runs no task may take to end: it may have to log a failure and send it."""


def database_names() -> dict[str, str]:
    """Return the names of the databases that this process uses: in a test, not those of settings
    that are read again."""
    return {
        alias: str(settings["NAME"])
        for alias, settings in connections.settings.items()
        if settings["NAME"]
    }


def _job_of(process: subprocess.Popen[bytes]) -> JobObject | None:
    """Hold a child together with what its task starts, on Windows, which has no process groups.

    The child has not begun to read yet, so nothing can have escaped. A sandbox may forbid it: then
    what a task has started goes on after a kill.
    """
    try:
        job = JobObject()
        job.add(process)
    except OSError as error:
        logger.warning("Processes of tasks will outlive a kill: %s", error)
        return None
    return job


class TaskProcess:
    """One child process (``task_process.main``).

    Attributes:
        idle_since: when it last ended a job, by the monotonic clock.
        is_ready: whether it has loaded the project.
        is_spent: whether it has asked to be replaced.

    Raises:
        CannotStart: the system starts no process, or gives no thread or pipe for it.
    """

    def __init__(self) -> None:
        self.idle_since = time.monotonic()
        self.is_ready = False
        self.is_spent = False
        self._inbox: SimpleQueue[Message | None] = SimpleQueue()
        try:
            self._process = self._start()
        except Exception as error:
            # Whatever it is (a Python that was replaced meanwhile, too): no task has run.
            raise CannotStart(NO_PROCESS, shortage(error) or str(error)) from error
        self._job = _job_of(self._process) if os.name == "nt" else None
        self._writer = MessageWriter(self._process.stdin or io.BytesIO())
        self._exit_status = ExitStatus(self._process)
        reader = threading.Thread(target=self._read, name="child-reader", daemon=True)
        try:
            reader.start()
        except (RuntimeError, MemoryError) as error:
            self.kill()
            if self._process.stdout is not None:
                self._process.stdout.close()
            raise CannotStart(NO_PROCESS, shortage(error) or str(error)) from error

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "jobs.consumer.task_process.main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                DATABASE_NAMES: json.dumps(database_names()),
            },
            # A group of its own, so that what a task starts is killed with the process.
            process_group=0 if os.name != "nt" else None,
        )

    def _read(self) -> None:
        # Closed here and not by ``kill``, which would wait for this very read.
        with contextlib.suppress(OSError, ValueError), self._process.stdout or io.BytesIO() as out:
            for line in out:
                # A process that dies while it writes leaves half a line, which is no JSON.
                self._inbox.put(json.loads(line))
        self._inbox.put(None)

    def send(self, kind: str, value: Any) -> None:
        """Send one message. Whether the child is gone, ``receive`` tells."""
        with contextlib.suppress(OSError, ValueError):
            self._writer.send(kind, value)

    def receive(self, timeout: float | None) -> Message | None:
        """Return the next message, None when the child's output has ended.

        Raises:
            queue.Empty: nothing came in time.
        """
        return self._inbox.get(timeout=timeout)

    def has_unread_messages(self) -> bool:
        """Whether there are messages that nobody has received."""
        return not self._inbox.empty()

    def close(self) -> None:
        """Have it end by itself, when it runs no task; ``end`` waits for that."""
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def end(self) -> None:
        """End it when it runs no task: it may have to send something to an error tracker."""
        self.close()
        until = time.monotonic() + END_SECONDS
        with contextlib.suppress(Empty):
            while self.is_alive() and self.receive(max(0.0, until - time.monotonic())) is not None:
                pass  # what it still says is nothing that anybody waits for
        self.kill()

    def kill(self) -> None:
        """End it now, and what it has started."""
        self._exit_status.kill()
        if self._job is not None:
            self._job.close()
        with contextlib.suppress(OSError):  # what was not sent yet cannot be delivered
            if self._process.stdin is not None:
                self._process.stdin.close()

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return not self._exit_status.has_ended()

    def cause_of_death(self) -> str:
        """How it ended, with the most memory it had where the system tells."""
        return self._exit_status.describe()
