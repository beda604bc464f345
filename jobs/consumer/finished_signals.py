"""Logs failures, and sends Django's ``task_finished``, once the database has how attempts ended.

On a thread of its own: handlers and receivers are the project's code, and the batch writer, which
knows of the commit, must not wait for them, because its heartbeats keep the jobs of this process.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Collection, Iterable

from django.db import close_old_connections

from jobs.core.database_faults import one_line, reconnect_after, retry_after
from jobs.core.db import connection
from jobs.core.shortages import try_start
from jobs.lifecycle import Outcome
from jobs.submission.signals import send_task_finished, wants_task_finished

from .failure_log import log_failure_once

logger = logging.getLogger("jobs")

MOST_JOBS = 100
"""So many jobs are read in one query."""
RETRY_SECONDS = 1.0


class FinishedSignals:
    """A queue of ended attempts and the thread that empties it; it starts when it is needed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Outcome] = []
        self._thread: threading.Thread | None = None
        self._ending = False

    def add(
        self, outcomes: Iterable[Outcome], superseded: Collection[tuple[uuid.UUID, int]] = ()
    ) -> None:
        """Log each failure, and send the signal for the outcomes that end their job, if somebody
        listens.

        Args:
            outcomes: what a transaction has written.
            superseded: the job and attempt of each outcome that changed nothing.
        """
        wanted = [
            outcome
            for outcome in outcomes
            if (outcome.is_failure or wants_task_finished(outcome))
            and (outcome.claim.id, outcome.claim.attempt) not in superseded
        ]
        if not wanted:
            return
        with self._changed:
            self._waiting += wanted
            if self._thread is None:
                self._start()
            self._changed.notify_all()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="signals", daemon=True)
        self._ending = False
        if try_start(thread):
            self._thread = thread
        else:
            # Called by the batch writer, which has to go on. They are sent with the next one.
            logger.warning("No thread could be started that sends the signal task_finished.")

    def flush(self, seconds: float) -> bool:
        """Send what waits and end the thread; return whether that took no longer than this."""
        with self._changed:
            thread = self._thread
            self._ending = True
            self._changed.notify_all()
        if thread is None:
            return True
        thread.join(seconds)
        return not thread.is_alive()

    def _run(self) -> None:
        waits = False
        while outcomes := self._next():
            for outcome in outcomes:
                log_failure_once(outcome)
            outcomes = [outcome for outcome in outcomes if wants_task_finished(outcome)]
            if not outcomes:
                continue
            try:
                close_old_connections()
                send_task_finished(outcomes)
            except Exception as error:
                if retry_after(error) is None:
                    logger.exception("The signal task_finished could not be sent.")
                    continue
                if not waits:  # it is tried again every second
                    logger.warning("The signal task_finished must wait: %s", one_line(error))
                waits = True
                connection().close_if_unusable_or_obsolete()
                reconnect_after(error)
                self._put_back(outcomes)
                continue
            if waits:
                logger.warning("The signal task_finished is sent again.")
                waits = False
        connection().close()

    def _next(self) -> list[Outcome]:
        """Wait for outcomes; return none when there are none left and the process is ending."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            outcomes = self._waiting[:MOST_JOBS]
            del self._waiting[:MOST_JOBS]
            if not outcomes:
                self._thread = None
            return outcomes

    def _put_back(self, outcomes: list[Outcome]) -> None:
        with self._changed:
            if not self._ending:
                self._waiting[:0] = outcomes
                self._changed.wait_for(lambda: self._ending, RETRY_SECONDS)


finished_signals = FinishedSignals()
"""That of this process."""
