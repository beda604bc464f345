"""What the threads of a consumer process share: one lock and what they wait on."""

from __future__ import annotations

import threading


class ThreadSignals:
    """One lock over the state of ``QueuePolls``, ``Outbox`` and ``Slots``, and its conditions.

    Attributes:
        changed: notified when queues were polled and claims delivered.
        freed: notified when an attempt ended.
        work: set when the batch writer has something to write or to poll.
        stopping: whether nothing new is to be taken.
    """

    def __init__(self) -> None:
        # Two conditions on one lock: to wake a thread costs as much as a short job, so the end of
        # a job wakes no thread that waits for claims.
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.freed = threading.Condition(self.lock)
        self.work = threading.Event()
        self.stopping = False

    def stop_taking(self) -> None:
        """Have nothing new taken from now on; every waiting thread wakes up."""
        with self.lock:
            self.stopping = True
            self.changed.notify_all()
            self.freed.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait, but not when stopping."""
        with self.freed:
            self.freed.wait_for(lambda: self.stopping, seconds)
