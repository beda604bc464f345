"""Child processes for tasks that compute or cannot be trusted: spawned, reused, killable."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

from jobs.catalog.input_file import FileInfo
from jobs.consumer.attempt import Attempt
from jobs.lifecycle import Outcome

from .attempt import AttemptInProcess
from .process import TaskProcess

IDLE_SECONDS: Final = 60.0


class TaskProcessPool:
    """The children of one consumer process: started when needed, reused, ended when idle."""

    def __init__(self) -> None:
        self._idle: list[TaskProcess] = []
        self._busy: set[TaskProcess] = set()
        self._lock = threading.Lock()

    def run(
        self, attempt: Attempt, files: Mapping[str, FileInfo], *, alone: bool
    ) -> Outcome | None:
        """Run an attempt in a child; return how it ended, None when it was settled from elsewhere.

        Args:
            attempt: what to run.
            files: the uploads that its arguments name, by id.
            alone: give it a new child that nothing else will use.
        """
        child = TaskProcess() if alone else self._borrow()
        with self._lock:
            self._busy.add(child)
        try:
            outcome = AttemptInProcess(child, attempt).run(files)
        except BaseException:
            child.kill()
            raise
        finally:
            with self._lock:
                self._busy.discard(child)
        if alone or child.is_spent or not child.is_alive():
            child.end()
        else:
            self._give_back(child)
        return outcome

    def _borrow(self) -> TaskProcess:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    return child
        return TaskProcess()

    def _give_back(self, child: TaskProcess) -> None:
        child.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(child)

    def trim(self) -> None:
        """End the children that have been idle for long."""
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            old = [child for child in self._idle if child.idle_since < oldest]
            self._idle = [child for child in self._idle if child not in old]
        if old:  # not on the thread that writes the heartbeats
            threading.Thread(target=_end, args=(old,), name="end children", daemon=True).start()

    def kill_all(self) -> None:
        """End all children."""
        with self._lock:
            idle, busy = self._idle, [*self._busy]
            self._idle = []
        for child in busy:
            child.kill()
        _end(idle)


def _end(children: Sequence[TaskProcess]) -> None:
    for child in children:  # so that they end at the same time
        child.close()
    for child in children:
        child.end()
