"""What the writer does between transactions: beat, look for the dead, wake what is due."""

from __future__ import annotations

import logging
import random
import time
import uuid
from collections.abc import Callable

from django.utils import timezone

from jobs import lifecycle
from jobs.brokers import get_broker
from jobs.conf import get_conf

from .failure_detector import FailureDetector
from .result import timed_out
from .slots import Slots
from .wal import trim_log

logger = logging.getLogger("jobs")

TICK_SECONDS = 0.5
IDLE_TICK_SECONDS = 2.0
SOON_SECONDS = 0.1
BEATS_PER_LEASE = 10
SILENT_BEATS = 8
"""After so many of our own another is dead that has not beaten. Its last may come right after we
have looked, so that we count from one beat later: nine, and a tenth to rescue and claim."""
RESCUE_SECONDS = 1.0
TRIM_SECONDS = 10.0
SLACK = 0.1


class Timer:
    """Something that is due every so often.

    ``slack`` is the share of the time by which it may come early, so that what is due at about
    the same moment costs one awakening.
    """

    def __init__(
        self, seconds: float, *, jitter: float = 0.0, slack: float = 0.0, at_once: bool = False
    ) -> None:
        self._seconds = seconds
        self._slack = seconds * slack
        self._jitter = jitter
        self._next = self._early = time.monotonic()
        if not at_once:
            self.restart()

    def restart(self) -> None:
        """Count from now."""
        spread = self._seconds * self._jitter * random.uniform(-1, 1)  # noqa: S311
        self._next = time.monotonic() + self._seconds + spread
        self._early = self._next - self._slack

    def is_due(self, *, early: bool = True) -> bool:
        """Whether it is due, or may come early; if so, the next time is set."""
        if time.monotonic() < (self._early if early else self._next):
            return False
        self.restart()
        return True

    def hurry(self, seconds: float) -> None:
        """Be due within so many seconds."""
        self._next = min(self._next, time.monotonic() + seconds)
        self._early = min(self._early, self._next)

    def left(self) -> float:
        """Seconds until it is due."""
        return max(0.0, self._next - time.monotonic())


class Maintenance:
    """Runs on the writer's thread, so that a process has one connection that writes."""

    def __init__(self, desk: Slots, consumer: Callable[[], uuid.UUID]) -> None:
        conf = get_conf()
        self._desk = desk
        self._consumer = consumer
        self._watch = FailureDetector(SILENT_BEATS)
        self._tick = Timer(IDLE_TICK_SECONDS, slack=SLACK, at_once=True)
        self._beat = Timer(conf.lease_seconds / BEATS_PER_LEASE, at_once=True)
        self._sweep = Timer(conf.sweep_seconds, jitter=0.2, slack=SLACK, at_once=True)
        self._rescue = Timer(RESCUE_SECONDS, slack=SLACK, at_once=True)
        self._trim = Timer(TRIM_SECONDS, jitter=0.5, slack=SLACK)
        self.beat_is_due = False
        self.looked = False

    def rang(self) -> None:
        """The table has changed: a cancel or an earlier date may be among it."""
        self._tick.hurry(SOON_SECONDS)

    def __call__(self, *, early: bool = True) -> float:
        """Do what is due; return the seconds until there is more.

        Args:
            early: also do what may come early. Not while a job waits to be taken: one in five
                waited for a millisecond or two of that.
        """
        if self._beat.is_due(early=early):
            self.beat_is_due = True
        if self._sweep.is_due(early=early):
            self._desk.look()
        if self._rescue.is_due(early=early):
            self._rescue_orphans()
        if self._tick.is_due(early=early):
            self._look_around()
        if self._trim.is_due(early=early):
            trim_log()
        timers = (self._beat, self._sweep, self._rescue, self._tick, self._trim)
        return min(timer.left() for timer in timers)

    def beaten(self) -> None:
        """A beat was committed: the others had their chance to beat as well."""
        self.beat_is_due = False
        for consumer in self._watch.silent(self._consumer()):
            if lifecycle.mark_dead(*consumer):
                logger.warning("Consumer %s is silent: its jobs run again.", consumer[0])
                get_broker().adopt_pending(str(consumer[0]))
                self._rescue.hurry(0)

    def _rescue_orphans(self) -> None:
        for consumer in self._watch.proven_dead(self._consumer()):
            if lifecycle.mark_dead(consumer):
                logger.warning("Consumer %s is dead: its jobs run again.", consumer)
                get_broker().adopt_pending(str(consumer))
        if lifecycle.release_unconfirmed(self._consumer(), self._desk.held()):
            self._desk.look()
        for orphan in lifecycle.orphaned_consumers():
            with lifecycle.write_transaction():
                found = lifecycle.rescue_jobs(orphan)
            if found:
                self._desk.look()

    def _look_around(self) -> None:
        now = timezone.now()
        due = lifecycle.next_due()
        if due is not None and due <= now:
            with lifecycle.write_transaction():
                lifecycle.promote_due(now)
            self._desk.look()
            self._tick.hurry(0)
        elif due is not None:
            self._tick.hurry((due - now).total_seconds())
        self._look_at_running()
        self._desk.children.trim()
        self.looked = True

    def _look_at_running(self) -> None:
        running = self._desk.running()
        if not running:
            return
        self._tick.hurry(TICK_SECONDS)
        self._desk.release_waiting()
        asked = lifecycle.requested_cancels(self._consumer())
        for attempt in running:
            by = asked.get(attempt.claim.id)
            if by is not None and attempt.cancelled_by() is None:
                attempt.request_cancel(by)
            if attempt.is_overdue() and attempt.settle(timed_out(attempt.claim)):
                # A thread cannot be killed: it is left behind, and its process is replaced.
                self._desk.must_be_replaced = True
