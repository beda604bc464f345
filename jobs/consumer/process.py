"""A consumer process from its start to its end."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Thread

from jobs.brokers import get_broker
from jobs.brokers.base import Broker, ConsumerPort
from jobs.conf import get_conf
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.core import database_file
from jobs.core.database_faults import one_line
from jobs.core.database_identity import forget_identity
from jobs.core.db import DATABASE_ERRORS, connection
from jobs.errors import Unavailable
from jobs.lifecycle.followers import DELIVERIES
from jobs.models import ConsumerRequest

from . import forks
from .any_queue import AnyQueue
from .attempt import Attempt
from .batch_writer import BatchWriter
from .broker_interface import BrokerInterface
from .capture import captured
from .delivery_queue import SLOTS, DeliveryQueue
from .duration_stats import DurationStats
from .event_loop import close_loop
from .finished_signals import finished_signals
from .follower_thread import FollowerThread
from .health import HealthOptions
from .health.reports import HealthReports
from .listener_thread import ListenerThread
from .maintenance import Maintenance
from .pending_writes import PendingWrites
from .pruner import Pruner
from .queue_polls import QueuePolls
from .registration import Registration
from .restart_policy import BROKEN_OFF, DRAINED, REPLACE, STOPPED
from .shutdown import Shutdown
from .slots import Slots
from .thread_signals import ThreadSignals
from .trackers import flush_trackers

logger = logging.getLogger("jobs")

FLUSH_SECONDS = 10.0
LEAVE_SECONDS = 1.0
TRACKER_SECONDS = 2.0
"""How long the last events may take to an error tracker, and the last spans."""
CHECK_SECONDS = 1.0
CHECK_SECONDS_UNTIL_IDLE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerOptions:
    """What ``runconsumers`` was asked for.

    Attributes:
        any_queue: serve every other queue as well in which a job waits.
        deliveries: serve the queue of webhooks and e-mails, once somebody wants any.
        embedded: the process goes on after it: each thread, connection and file is to be gone then.
        health: how its health is shown.
    """

    queues: Sequence[str]
    concurrency: int
    any_queue: bool = False
    deliveries: bool = False
    until_idle: bool = False
    embedded: bool = False
    health: HealthOptions = field(default_factory=HealthOptions)


class ConsumerProcess:
    """Registers, consumes, drains."""

    def __init__(self, options: ConsumerOptions, stop: Shutdown, reports: HealthReports) -> None:
        self._options = options
        self._stop = stop
        self._health = reports.of_consumer()
        self._not_in_forks = reports.descriptors
        self._draining = Shutdown()
        self._children = TaskProcessPool()
        forget_identity()
        self._registration = Registration(options.queues, options.concurrency)
        self._signals = ThreadSignals()
        self._polls = QueuePolls(options.queues, self._signals)
        self._slots = Slots(
            options.concurrency,
            self._registration.label,
            self._signals,
            self._polls,
            PendingWrites(),
            DurationStats(),
            {DELIVERIES: SLOTS},
        )
        self._maintenance = Maintenance(
            self._registration, self._slots, self._polls, self._children
        )
        self._writer = BatchWriter(
            self._registration, self._slots, self._maintenance, self._signals, self._health
        )

    def run(self) -> int:
        """Consume until told to stop; return the exit code."""
        options = self._options
        broker = get_broker()
        listener = ListenerThread(broker.listener(), self._polls, self._maintenance, self._signals)
        port, own_port = self._port(), self._port()
        pruner, follower = Pruner(self._draining), FollowerThread(self._draining)
        forks.watch(*self._not_in_forks)
        with captured():
            self._writer.start()
            listener.start()
            pruner.start()
            if not options.until_idle:  # there it is asked when all else is done
                follower.start()
            broker.consume(options.queues, port, options.concurrency)
            # This thread has registered the consumer; the server need not keep a connection for it.
            connection().close()
            logger.info("ready: %s, %d slots", ", ".join(options.queues), options.concurrency)
            try:
                self._wait(self._late_queues(broker, port, own_port, follower), follower)
                if database_file.is_replaced():
                    # Nothing can be written back. Whoever started this process starts another one.
                    logger.error(database_file.REPLACED)
                    return BROKEN_OFF
                return self._drain()
            finally:
                if options.embedded:
                    threads = [pruner, follower] if follower.ident else [pruner]
                    self._end_threads(listener, [*port.threads, *own_port.threads, *threads])

    def _port(self) -> BrokerInterface:
        return BrokerInterface(
            str(self._registration.id),
            self._slots,
            self._polls,
            self._maintenance,
            self._children,
            self._signals,
            embedded=self._options.embedded,
        )

    def _late_queues(
        self,
        broker: Broker,
        port: ConsumerPort,
        own_port: ConsumerPort,
        follower: FollowerThread,
    ) -> list[AnyQueue]:
        """The queues that are served from when there is something in them. Those of one port share
        its threads."""
        options, common = self._options, (self._polls, self._registration)
        found: list[AnyQueue] = []
        if options.any_queue:
            found.append(AnyQueue(broker, port, *common, options.concurrency))
        if options.deliveries:
            found.append(DeliveryQueue(broker, own_port, *common, follower))
        return found

    def _wait(self, late_queues: Sequence[AnyQueue], follower: FollowerThread) -> None:
        until_idle = self._options.until_idle
        pause = CHECK_SECONDS_UNTIL_IDLE if until_idle else CHECK_SECONDS
        while not self._stop.wait(pause):
            if self._has_to_end():
                return
            is_idle = until_idle and self._maintenance.has_ticked and self._slots.is_idle()
            followed = is_idle and _has_followed(follower)
            # After that: a job that came due meanwhile may wait in a queue not served yet.
            new = [one for one in late_queues if one.serve_new()]  # each is asked
            if is_idle and not new and not followed:
                return

    def _has_to_end(self) -> bool:
        if self._registration.requested is ConsumerRequest.STOP or database_file.is_replaced():
            return True
        # A process that replaces a quiet one would not know that it is to be quiet.
        return self._slots.must_be_replaced and not self._slots.quiet

    def _end_threads(self, listener: ListenerThread, threads: Sequence[Thread]) -> None:
        """End what an ordinary consumer leaves to the end of its process."""
        self._signals.stop_taking()
        self._draining.request()
        self._children.kill_all()
        self._writer.flush_and_stop(FLUSH_SECONDS)
        broker = get_broker()
        broker.flush(LEAVE_SECONDS)
        listener.close(LEAVE_SECONDS)
        broker.leave(LEAVE_SECONDS)
        end = time.monotonic() + LEAVE_SECONDS
        for thread in threads:  # not for ever: a task may be stuck in one
            thread.join(max(0.0, end - time.monotonic()))
        close_loop(LEAVE_SECONDS)
        forks.end_watch()

    def _drain(self) -> int:
        """Finish what runs within the grace time, release the rest, deregister."""
        grace = get_conf().grace_seconds
        self._health.stop()
        self._signals.stop_taking()
        self._draining.request()
        running = len(self._slots.running())
        if running:
            logger.info("stopping: %d running, they get %g s", running, grace)
        released: list[Attempt] = []
        if not self._slots.wait_until_drained(grace):
            released = self._slots.running()
            for attempt in released:
                attempt.release("the consumer is stopping")
        self._children.kill_all()
        for attempt in released:
            attempt.close()
        if self._writer.flush_and_stop(FLUSH_SECONDS):
            # This thread has looked for queues, if any: the server may have been restarted since.
            connection().close()
            self._registration.remove()
        else:
            logger.warning("The database could not be written: what was not will run again.")
        if not finished_signals.flush(FLUSH_SECONDS):
            logger.warning(
                "A receiver of task_finished or a handler of the log did not end; the rest of them"
                " is lost."
            )
        logger.info("stopped")
        if self._registration.requested is ConsumerRequest.STOP:
            return STOPPED
        return REPLACE if self._slots.must_be_replaced else DRAINED


def _has_followed(follower: FollowerThread) -> bool:
    """Whether endings were found from which something follows."""
    try:
        found = follower.look()
    except (*DATABASE_ERRORS, Unavailable) as error:
        logger.warning("Endings could not be followed: %s", one_line(error))
        return False
    return found.inserted > 0 or found.more


def leave_now(code: int) -> None:
    """End the process without waiting for threads: funboost's would be joined for ever."""
    broker = get_broker()
    broker.flush(LEAVE_SECONDS)  # what its last tasks enqueued
    broker.leave(LEAVE_SECONDS)
    flush_trackers(TRACKER_SECONDS)
    logging.shutdown()
    os._exit(code)
