"""The only thread of a consumer process that writes to the database.

Claims, outcomes, updates and heartbeats share transactions: under load one commit serves dozens of
jobs, idle nothing waits. When the database is away, everything that was to be written is kept and
tried again, and nothing new is claimed meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from jobs.conf import get_conf
from jobs.core.database_faults import Fault, fault_of, one_line, reconnect_after
from jobs.core.database_file import is_replaced
from jobs.core.db import connection
from jobs.core.lock_timeout import is_lock_timeout, limited_lock_waits
from jobs.core.rare_line import RareLine
from jobs.core.states import Status

from .batch import Batch, BatchResult, write, write_one_by_one
from .health.consumer import ConsumerHealth
from .maintenance import Maintenance
from .registration import Registration
from .slots import Slots
from .thread_signals import ThreadSignals

logger = logging.getLogger("jobs.writer")

PACE_SECONDS = 0.005
"""At least this long between a busy process's transactions: a commit then serves many jobs."""
RETRY_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0)
MAINTENANCE_RETRY_SECONDS = 1.0
LOCKS_PER_LEASE = 6
"""So many waits for a lock fit into a lease, with a heartbeat after each of them."""


class Pacer:
    """Keeps transactions apart while there are many, and backs off while there can be none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._next = 0.0
        self._failures = 0
        self._line = RareLine(clock)

    def wait(self) -> None:
        """Wait until the next transaction may begin."""
        seconds = self._next - time.monotonic()
        if seconds > 0:
            time.sleep(seconds)

    def succeeded(self) -> None:
        """Note that a transaction was committed."""
        if self._failures:
            logger.warning("The database is back.")
            self._line.over()
        self._failures = 0
        self._next = time.monotonic() + PACE_SECONDS

    def failed(self, error: Exception) -> None:
        """Note that a transaction failed; of those in a row, one a minute and kind is logged."""
        self._log(error)
        # The wait for a lock was a pause already, and a heartbeat is due after it.
        step = 0 if is_lock_timeout(error) else self._failures
        pause = RETRY_SECONDS[min(step, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        self._next = time.monotonic() + pause
        # A broken connection is replaced; a locked SQLite keeps its own.
        connection().close_if_unusable_or_obsolete()
        reconnect_after(error)

    def _log(self, error: Exception) -> None:
        fault = fault_of(error)
        # One that is unfit is tried again as well: a migration may be under way.
        is_unfit = fault is Fault.UNFIT
        how_long = self._line.due(type(error).__name__ if fault is None else is_unfit)
        if how_long is None:
            return
        if fault is None:
            logger.error("Unexpected%s. Trying again.", how_long, exc_info=error)
        elif is_unfit:
            logger.error(
                "The database is not as Jobdesk needs it%s: %s. Run doctor.",
                how_long,
                one_line(error),
            )
        else:
            logger.warning(
                "The database cannot be written%s: %s. Trying again.", how_long, one_line(error)
            )


class BatchWriter(threading.Thread):
    """Plans a batch, writes it, and reports to the slots and the maintenance what it did."""

    def __init__(
        self,
        registration: Registration,
        slots: Slots,
        maintenance: Maintenance,
        signals: ThreadSignals,
        health: ConsumerHealth,
    ) -> None:
        super().__init__(name="writer", daemon=True)
        self._health = health
        self._registration = registration
        self._slots = slots
        self._maintenance = maintenance
        self._work = signals.work
        self._pacer = Pacer()
        self._finish = threading.Event()

    def flush_and_stop(self, timeout: float) -> bool:
        """Write what is left and end; return whether that was done within ``timeout`` seconds."""
        self._finish.set()
        self._work.set()
        self.join(timeout)
        return not self.is_alive()

    def run(self) -> None:
        """Write until told to finish and nothing is left."""
        with limited_lock_waits(get_conf().lease_seconds / LOCKS_PER_LEASE):
            self._run()

    def _run(self) -> None:
        pause = 0.0
        while True:
            woken = self._work.wait(pause)
            self._work.clear()
            self._health.went_round()
            try:
                self._pacer.wait()
                pause = self._run_once(woken)
            except Exception as error:  # noqa: BLE001
                # Not only the database's errors: if this thread ended, the process would look
                # alive, hold its jobs and finish none.
                self._pacer.failed(error)
                if is_lock_timeout(error):
                    self._write_heartbeat_alone()
                pause = 0.0
                continue
            if self._finish.is_set() and (is_replaced() or not self._plan()):
                connection().close()
                return

    def _run_once(self, woken: bool) -> float:
        """Do what there is to do; return the seconds until there is more."""
        pause = self._maintain(early=not woken)
        batch = self._plan()
        if not batch or is_replaced():
            return pause
        try:
            written = write(batch, self._registration.id)
        except Exception as error:
            if fault_of(error) is not None:
                raise
            logger.exception("A batch could not be written; writing its parts one by one.")
            written = write_one_by_one(batch, self._registration.id)
        if written.committed:
            self._pacer.succeeded()
        self._done(batch, written)
        return 0.0 if self._work.is_set() else pause

    def _maintain(self, *, early: bool) -> float:
        """Maintenance that fails must not keep outcomes from being written."""
        try:
            return self._maintenance.run_due(early=early)
        except Exception as error:
            if fault_of(error) is not None:
                raise
            logger.exception("Maintenance failed; it is tried again.")
            return MAINTENANCE_RETRY_SECONDS

    def _plan(self) -> Batch:
        batch = self._slots.plan()
        batch.heartbeat = self._maintenance.heartbeat_is_due
        return batch

    def _done(self, batch: Batch, written: BatchResult) -> None:
        self._slots.done(batch, written)
        if any(outcome.target == Status.SCHEDULED for outcome in batch.outcomes):
            self._maintenance.notified()  # a retry may be due before the next tick
        if batch.heartbeat:
            self._note_heartbeat(written)
            self._maintenance.heartbeat_written(alive=written.alive, requested=written.requested)

    def _note_heartbeat(self, written: BatchResult) -> None:
        if written.alive:
            self._health.heartbeat()

    def _write_heartbeat_alone(self) -> None:
        """Keep other consumers from declaring this one dead while a batch cannot be written.

        A batch waits as long as some transaction keeps a lock on one of its jobs. The other
        consumers may not be held up by it: they write heartbeats meanwhile.
        """
        try:
            self._note_heartbeat(write(Batch(heartbeat=True), self._registration.id))
        except Exception as error:  # noqa: BLE001  (it is tried again with the next batch)
            logger.debug("No heartbeat: %s", error)
