"""What a running attempt has outside of the database: commands, callbacks, a temporary folder."""

from __future__ import annotations

import contextvars
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from jobs.core.shortages import shortage, try_start
from jobs.core.tempdirs import TempDir
from jobs.errors import OutOfResources

from .artifact_names import NamesOfAttempt

logger = logging.getLogger("jobs")

Callback = Callable[[], object]
NO_TEMPDIR: Final = "the temporary folder could not be made"


class AttemptResources:
    """Made when a task first asks for one of these; any thread may use it.

    Attributes:
        artifact_names: the names that the attempt's files have.
    """

    def __init__(self, job: uuid.UUID, attempt: int) -> None:
        self.artifact_names = NamesOfAttempt()
        self._lock = threading.Lock()
        self._tempdir = TempDir(job, attempt)
        self._has_tempdir = False
        self._is_over = False
        self._is_cancelled = False
        self._on_cancel: list[Callback] = []
        self._to_end: list[Callback] = []

    @property
    def is_over(self) -> bool:
        """Whether the attempt has ended, with the task or without it."""
        return self._is_over

    @property
    def runs_commands(self) -> bool:
        """Whether something runs that ends with the attempt."""
        return bool(self._to_end)

    def tempdir(self) -> Path:
        """Return the attempt's temporary folder; it is made on the first call.

        Raises:
            OutOfResources: it cannot be made now.
            OSError: it cannot be made.
        """
        with self._lock:
            if not self._has_tempdir:
                try:
                    self._tempdir.make()
                except OSError as error:
                    if why := shortage(error):
                        raise OutOfResources(NO_TEMPDIR, why, error.errno) from error
                    raise
                self._has_tempdir = True
        return self._tempdir.path

    def on_cancel(self, callback: Callback) -> None:
        """Call back, in a thread of its own, when someone asks for a cancel; at once if someone
        has."""
        # With the variables of the caller: what the callback prints is the task's output.
        bound = contextvars.copy_context()

        def run() -> None:
            bound.run(_call, callback)

        with self._lock:
            self._on_cancel.append(run)
            late = self._is_cancelled
        if late:
            _start_thread(run)

    @contextmanager
    def end_with_attempt(self, end: Callback) -> Iterator[None]:
        """While in this block, call ``end`` when the attempt is to end: cancelled, released, lost,
        over its time limit. ``end`` must not wait. It may be called more than once."""
        with self._lock:
            self._to_end.append(end)
            late = self._is_over or self._is_cancelled
        if late:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._to_end.remove(end)

    def cancel(self) -> None:
        """Note that someone asks for a cancel; to ask again changes nothing."""
        with self._lock:
            callbacks = [] if self._is_cancelled else list(self._on_cancel)
            self._is_cancelled = True
        self._end_all()
        for callback in callbacks:
            _start_thread(callback)

    def end(self) -> None:
        """Note that the attempt has ended. Never waits."""
        self._is_over = True
        self._end_all()

    def close(self) -> None:
        """End what still runs, and remove the temporary folder."""
        self.end()
        with self._lock:
            removes, self._has_tempdir = self._has_tempdir, False
        if removes:
            self._tempdir.remove()

    def _end_all(self) -> None:
        with self._lock:
            ends = list(self._to_end)
        for end in ends:
            end()


def _start_thread(callback: Callback) -> None:
    if not try_start(threading.Thread(target=callback, name="on-cancel", daemon=True)):
        # Called by the batch writer, which has to go on.
        logger.error("No thread could be started for what a task wanted called at its cancel.")


def _call(callback: Callback) -> None:
    try:
        callback()
    except Exception:
        logger.exception("What a task wanted called at its cancel failed.")
