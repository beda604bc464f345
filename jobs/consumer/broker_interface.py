"""What the brokers' threads call in a consumer process."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread

from jobs.brokers.base import ConsumerPort, ReceivedMessage
from jobs.consumer.task_process.pool import TaskProcessPool

from .attempt import Attempt
from .executor import run_attempt
from .ingest import ingest
from .maintenance import Maintenance
from .queue_polls import QueuePolls
from .slots import Slots
from .thread_signals import ThreadSignals


class BrokerInterface(ConsumerPort):
    """Passes each call to the object that it concerns."""

    def __init__(
        self,
        consumer_id: str,
        slots: Slots,
        polls: QueuePolls,
        maintenance: Maintenance,
        children: TaskProcessPool,
        signals: ThreadSignals,
        *,
        embedded: bool,
    ) -> None:
        self.consumer_id = consumer_id
        self.embedded = embedded
        self.threads: list[Thread] = []
        self._slots = slots
        self._polls = polls
        self._maintenance = maintenance
        self._children = children
        self._signals = signals

    def take(self, queue: str) -> Sequence[Attempt]:
        """Wait a moment for claims of a queue."""
        return self._slots.take(queue)

    def run(self, claim: Attempt) -> None:
        """Run a claim to its end, on the calling thread."""
        run_attempt(claim, self._children)
        if claim.left_behind:
            self._slots.must_be_replaced = True

    def stopping(self) -> bool:
        """Whether nothing new is taken."""
        return self._signals.stopping

    def free_slots(self, queue: str, seconds: float) -> int:
        """Wait for a free slot; return how many there are."""
        return self._slots.wait_for_free(seconds, queue)

    def ingest(self, queue: str, broker: str, message: ReceivedMessage) -> bool:
        """Read a message: a job of another program is recorded, an invalid message quarantined."""
        return ingest(queue, broker, message)

    def wait_claimed(self, queue: str, seconds: float) -> bool:
        """Have a queue polled; return whether that was done within ``seconds``."""
        self._maintenance.notified()
        return self._polls.poll_and_wait(queue, seconds)

    def no_thread(self, why: str) -> None:
        """Have the claims handed back that no thread has taken up."""
        self._slots.no_thread(why)

    def pause(self, seconds: float) -> None:
        """Wait, but not when stopping."""
        self._signals.pause(seconds)

    def note_threads(self, threads: Sequence[Thread]) -> None:
        """Note the threads that run claims and end when the port stops."""
        self.threads.extend(threads)
