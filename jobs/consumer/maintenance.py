"""What the batch writer does between transactions: heartbeat, sweep, rescue, due jobs, cancels."""

from __future__ import annotations

import logging

from django.utils import timezone

from jobs import lifecycle
from jobs.brokers import get_broker
from jobs.conf import get_conf
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.core.database_identity import check_identity
from jobs.models import ConsumerRequest

from .failure_detector import FailureDetector
from .finished_signals import finished_signals
from .outcomes import timed_out
from .queue_polls import QueuePolls
from .registration import Registration
from .slots import Slots
from .timer import Timer
from .wal import trim_wal

logger = logging.getLogger("jobs")

TICK_SECONDS = 0.5
IDLE_TICK_SECONDS = 2.0
NOTIFIED_TICK_SECONDS = 0.1
HEARTBEATS_PER_LEASE = 10
SILENT_HEARTBEATS = 8
"""A peer silent for so many of our own heartbeats is dead. Its last one may come right after we
have looked, so the count begins one heartbeat later: nine, and a tenth of the lease to rescue and
claim its jobs."""
RESCUE_SECONDS = 1.0
TRIM_SECONDS = 10.0
WAITED_SECONDS = 0.5
"""A claimed job that no thread has taken up for so long is released: another consumer may be
idle."""
SLACK = 0.1


class Maintenance:
    """Runs on the batch writer's thread, so that a process has one connection that writes.

    Attributes:
        heartbeat_is_due: whether the next batch is to contain a heartbeat.
        has_ticked: whether due jobs were looked for since the start.
    """

    def __init__(
        self,
        registration: Registration,
        slots: Slots,
        polls: QueuePolls,
        children: TaskProcessPool,
    ) -> None:
        conf = get_conf()
        self.heartbeat_is_due = False
        self.has_ticked = False
        self._registration = registration
        self._slots = slots
        self._polls = polls
        self._children = children
        self._detector = FailureDetector(SILENT_HEARTBEATS)
        self._heartbeat = Timer(conf.lease_seconds / HEARTBEATS_PER_LEASE, at_once=True)
        self._sweep = Timer(conf.sweep_seconds, jitter=0.2, slack=SLACK, at_once=True)
        self._rescue = Timer(RESCUE_SECONDS, slack=SLACK, at_once=True)
        self._tick = Timer(IDLE_TICK_SECONDS, slack=SLACK, at_once=True)
        self._trim = Timer(TRIM_SECONDS, jitter=0.5, slack=SLACK)

    def notified(self) -> None:
        """The table has changed: with a cancel or an earlier date, perhaps. Any thread may call."""
        self._tick.hurry(NOTIFIED_TICK_SECONDS)

    def run_due(self, *, early: bool = True) -> float:
        """Do what is due; return the seconds until there is more.

        Args:
            early: also do what may come early. Not while a job waits to be taken: one in five
                waited for a millisecond or two of that.
        """
        if self._heartbeat.is_due(early=early):
            check_identity()  # first: a heartbeat into another database would be no proof of life
            self.heartbeat_is_due = True
        if self._sweep.is_due(early=early):
            self._polls.request_poll()
        if self._rescue.is_due(early=early):
            self._rescue_orphans()
        if self._tick.is_due(early=early):
            self._run_tick()
        if self._trim.is_due(early=early):
            trim_wal()
        timers = (self._heartbeat, self._sweep, self._rescue, self._tick, self._trim)
        return min(timer.left() for timer in timers)

    def heartbeat_written(
        self, *, alive: bool, requested: ConsumerRequest = ConsumerRequest.NONE
    ) -> None:
        """A heartbeat was committed, or found that this consumer was declared dead."""
        if not alive:
            # What ran here is no longer ours. The new consumer needs a heartbeat at once.
            logger.warning("This consumer was given up while it did not run; it starts afresh.")
            self._registration.renew()
            for attempt in self._slots.running():
                attempt.lose()
            self._polls.request_poll()
            return
        self.heartbeat_is_due = False
        self._registration.requested = requested
        self._slots.set_quiet(requested is not ConsumerRequest.NONE)
        for consumer, heartbeat in self._detector.silent(self._registration.id):
            if lifecycle.mark_dead(consumer, heartbeat):
                logger.warning("Consumer %s is silent: its jobs run again.", consumer)
                get_broker().adopt_pending(str(consumer))
                self._rescue.hurry(0)

    def _rescue_orphans(self) -> None:
        me = self._registration.id
        for consumer in self._detector.proven_dead(me):
            if lifecycle.mark_dead(consumer):
                logger.warning("Consumer %s is dead: its jobs run again.", consumer)
                get_broker().adopt_pending(str(consumer))
        released = lifecycle.release_unconfirmed(me, self._slots.held())
        if released:
            self._polls.request_poll()
            finished_signals.add(released)
        for orphan in lifecycle.orphaned_consumers():
            with lifecycle.write_transaction():
                rescued = lifecycle.rescue_jobs(orphan)
            if rescued:
                self._polls.request_poll()
                finished_signals.add(rescued)

    def _run_tick(self) -> None:
        now = timezone.now()
        due = lifecycle.next_due()
        if due is not None and due <= now:
            with lifecycle.write_transaction():
                lifecycle.promote_due(now)
            self._polls.request_poll()
            self._tick.hurry(0)
        elif due is not None:
            self._tick.hurry((due - now).total_seconds())
        self._check_running()
        self._children.trim()
        self.has_ticked = True

    def _check_running(self) -> None:
        running = self._slots.running()
        if not running:
            return
        self._tick.hurry(TICK_SECONDS)
        for attempt in running:
            if attempt.waits_longer_than(WAITED_SECONDS):
                attempt.release("every slot was busy")
        requested = lifecycle.requested_cancels(self._registration.id)
        for attempt in running:
            by = requested.get(attempt.claim.id)
            if by is not None and attempt.cancelled_by() is None:
                attempt.request_cancel(by)
            if attempt.is_overdue() and attempt.settle(timed_out(attempt.claim)):
                # A thread cannot be killed: it is left behind, and its process is replaced.
                self._slots.must_be_replaced = True
