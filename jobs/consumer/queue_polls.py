"""Which queues the batch writer is to poll, and what the last polls of them found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from .thread_signals import ThreadSignals


class QueuePolls:
    """Requests for polls, from every thread, and the polls that answered them.

    Batches are numbered. A poll answers the requests that were made before its batch was planned:
    a later one may be for a job that was committed after the poll.
    """

    def __init__(self, queues: Sequence[str], signals: ThreadSignals) -> None:
        self.queues = tuple(queues)
        self._signals = signals
        self._batch = 0  # the batch planned last
        self._requested_after = dict.fromkeys(queues, 0)  # the batch before the last request
        self._polled_by = dict.fromkeys(queues, 0)  # the last batch that polled the queue
        self._may_have_jobs = set(queues)
        self._with_backlog: set[str] = set()

    def add_queues(self, queues: Sequence[str]) -> None:
        """Poll more queues from now on, first of all at once."""
        with self._signals.lock:
            self.queues = (*self.queues, *queues)
            self._polled_by |= dict.fromkeys(queues, 0)
            self._request(queues)
        self._signals.work.set()

    def request_poll(self, queues: Collection[str] | None = None) -> None:
        """There may be waiting jobs: have these queues polled, or all."""
        with self._signals.lock:
            self._request(self.queues if queues is None else set(self.queues).intersection(queues))
        self._signals.work.set()

    def poll_and_wait(self, queue: str, seconds: float) -> bool:
        """Have a queue polled; return whether that was done within ``seconds``."""
        with self._signals.changed:
            before = self._batch
            self._request([queue])
            self._signals.work.set()
            self._signals.changed.wait_for(
                lambda: self._polled_by[queue] > before or self._signals.stopping, seconds
            )
            return self._polled_by[queue] > before

    def wait_until_polled(self, seconds: float) -> None:
        """Wait until every queue was polled after the last request for it."""
        with self._signals.changed:
            self._signals.changed.wait_for(
                lambda: self._signals.stopping or not self._is_pending(), seconds
            )

    def _request(self, queues: Iterable[str]) -> None:
        for queue in queues:
            self._may_have_jobs.add(queue)
            self._requested_after[queue] = self._batch

    def _is_pending(self) -> bool:
        return any(self._polled_by[queue] <= self._requested_after[queue] for queue in self.queues)

    # The rest is called with the lock held.

    def next_batch(self) -> int:
        """Return the number of the batch that is planned now."""
        self._batch += 1
        return self._batch

    def record(self, queue: str, batch: int, *, limit: int, found: int) -> None:
        """Note that a batch polled a queue for ``limit`` jobs and found so many."""
        self._polled_by[queue] = batch
        if found >= limit:
            self._with_backlog.add(queue)
            return
        self._with_backlog.discard(queue)
        if self._requested_after[queue] < batch:
            self._may_have_jobs.discard(queue)

    def may_have_jobs(self, queue: str) -> bool:
        """Whether a job may wait in the queue."""
        return queue in self._may_have_jobs

    def found_none(self) -> bool:
        """Whether no queue had a job left when it was polled last."""
        return not self._may_have_jobs

    def has_backlog(self) -> bool:
        """Whether the last poll of some queue found as many jobs as it had asked for."""
        return bool(self._with_backlog)
