"""A consumer process from its first to its last moment."""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError

from jobs import lifecycle
from jobs.brokers import get_broker
from jobs.brokers.base import Listener
from jobs.conf import get_conf
from jobs.core.db import connection
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7

from . import consumer_lock, pruner
from .batch_writer import Batch, BatchResult, BatchWriter
from .capture import captured
from .failure_detector import host_name
from .maintenance import Maintenance
from .restart_policy import REPLACE
from .shutdown import Shutdown
from .slots import Slots

logger = logging.getLogger("jobs")

FLUSH_SECONDS = 10.0
LEAVE_SECONDS = 1.0
BELL_SECONDS = 5.0
DEAF_SECONDS = 0.003
LOOK_SECONDS = 1.0
LOOK_SECONDS_UNTIL_IDLE = 0.05
DRAINED = 0
"""The exit code of a process that finished or handed back what it had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerOptions:
    """What ``runconsumers`` was asked for."""

    queues: Sequence[str]
    concurrency: int
    until_idle: bool = False


class ConsumerProcess:
    """Registers, consumes, drains."""

    def __init__(self, options: ConsumerOptions, stop: Shutdown) -> None:
        self._options = options
        self._stop = stop
        label = f"{host_name()}:{os.getpid()}"
        self.desk = Slots(options.queues, options.concurrency, label)
        self._id = self._register()
        self.desk.consumer_id = str(self._id)
        self._chores = Maintenance(self.desk, lambda: self._id)
        self._writer = BatchWriter(self._plan, self._done, self._chores, lambda: self._id)
        self.desk.wake_writer = self._writer.wake
        self.desk.rang = self._chores.rang

    def _register(self) -> uuid.UUID:
        consumer = uuid7()
        # Held until the process ends, however it ends; and before anyone can know of it, for a
        # lock that is free is proof of death.
        self._lock = consumer_lock.hold(consumer)
        try:
            options = self._options
            host, pid = host_name(), os.getpid()
            lifecycle.register(host, pid, options.queues, options.concurrency, consumer)
        except BaseException:
            consumer_lock.remove(consumer)
            raise
        return consumer

    def run(self) -> int:
        """Consume until told to stop; return the exit code."""
        broker = get_broker()
        bell = broker.listener()
        with captured():
            self._writer.start()
            threading.Thread(target=self._listen, args=(bell,), name="bell", daemon=True).start()
            pruner.start(self._stop.wait)
            broker.consume(self._options.queues, self.desk, self._options.concurrency)
            logger.info(
                "ready: %s, %d slots",
                ", ".join(self._options.queues),
                self._options.concurrency,
            )
            self._wait()
            return self._drain()

    def _listen(self, bell: Listener) -> None:
        while not self.desk.stopping():
            try:
                rang = bell.wait(60.0)
            except Exception:
                # The look at the table finds every job meanwhile, only later.
                logger.exception("New jobs are noticed late: the bell is broken. Trying again.")
                self.desk.pause(BELL_SECONDS)
                continue
            if rang:
                self._chores.rang()
                self.desk.look(bell.queues)
                # While a look is asked for and not done, all that rings is of no use: not one
                # commit of a busy table needs to be heard. The pause keeps this thread asleep
                # while the job that rang goes from thread to thread: it would take its turns.
                time.sleep(DEAF_SECONDS)
                self.desk.wait_until_looked(60.0)

    def _wait(self) -> None:
        idle_ends = self._options.until_idle
        pause = LOOK_SECONDS_UNTIL_IDLE if idle_ends else LOOK_SECONDS
        while not self._stop.wait(pause):
            if self.desk.must_be_replaced:
                return
            if idle_ends and self._chores.looked and self.desk.is_idle():
                return

    def _drain(self) -> int:
        """Finish what runs within the grace time, hand back the rest, say goodbye."""
        self.desk.stop_taking()
        running = len(self.desk.running())
        if running:
            logger.info("stopping: %d running, they get %g s", running, get_conf().grace_seconds)
        if not self.desk.wait_until_free(get_conf().grace_seconds):
            self.desk.release_all()
        self.desk.children.kill_all()
        if self._writer.flush_and_stop(FLUSH_SECONDS):
            self._say_goodbye()
        else:
            logger.warning("The database could not be written: what was not will run again.")
        logger.info("stopped")
        return REPLACE if self.desk.must_be_replaced else DRAINED

    def _say_goodbye(self) -> None:
        # This thread has not spoken to the database since the start: it may have been restarted.
        connection().close()
        try:
            lifecycle.deregister(self._id)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The database does not know that this consumer left: %s", error)
        else:
            consumer_lock.remove(self._id)

    # The writer's plan is the desk's, and the beat.

    def _plan(self) -> Batch:
        batch = self.desk.plan()
        batch.beat = self._chores.beat_is_due
        return batch

    def _done(self, batch: Batch, written: BatchResult) -> None:
        self.desk.done(batch, written)
        if any(outcome.target == Status.SCHEDULED for outcome in batch.outcomes):
            self._chores.rang()  # a retry may be due before the next look at the clock
        if not batch.beat:
            return
        if written.beating:
            self._chores.beaten()
        else:
            self._come_back()

    def _come_back(self) -> None:
        """We were declared dead while frozen: what ran is no longer ours. Go on as another."""
        logger.warning("This consumer was given up while it did not run; it starts afresh.")
        self._id = self._register()
        self.desk.look()


def leave_now(code: int) -> None:
    """End the process without waiting for threads: funboost's would be joined for ever."""
    broker = get_broker()
    broker.flush(LEAVE_SECONDS)  # what its last tasks enqueued
    broker.leave(LEAVE_SECONDS)
    logging.shutdown()
    os._exit(code)
