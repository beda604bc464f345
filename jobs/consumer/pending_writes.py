"""What the attempts of a consumer have to be written: outcomes, updates, artifacts."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from jobs.lifecycle import AttemptUpdate, Outcome, StoredArtifact

from .attempt import Attempt
from .batch import Batch

UPDATE_SECONDS = 0.5
"""Progress and log lines of running attempts are written at most this often."""


class PendingWrites:
    """Keeps everything until a transaction has written it. Its callers hold the lock."""

    def __init__(self) -> None:
        self._ended: deque[tuple[Attempt, Outcome]] = deque()
        self._updates: list[AttemptUpdate] = []
        self._artifacts: list[StoredArtifact] = []
        self._next_update = 0.0

    def add(self, attempt: Attempt, outcome: Outcome) -> None:
        """Add the outcome of an attempt that has ended."""
        self._ended.append((attempt, outcome))

    def is_empty(self) -> bool:
        """Whether no outcome waits to be written."""
        return not self._ended

    def attempts(self) -> list[Attempt]:
        """The attempts whose outcomes are not written yet."""
        return [attempt for attempt, _ in self._ended]

    def fill(self, batch: Batch, running: Iterable[Attempt]) -> None:
        """Put all that waits into a batch, with what the running attempts have reported."""
        batch.outcomes = [outcome for _, outcome in self._ended]
        # What could not be written yet comes first: until then an attempt keeps the rest, bounded.
        due = time.monotonic() >= self._next_update and not self._updates
        # What an attempt reported is written before its outcome, however soon that is.
        for attempt in [*self.attempts(), *(running if due else ())]:
            update, artifacts = attempt.collect()
            self._updates += [update] if update is not None else []
            self._artifacts += artifacts
        if due and self._updates:
            self._next_update = time.monotonic() + UPDATE_SECONDS
        batch.updates, batch.artifacts = list(self._updates), list(self._artifacts)

    def remove(self, batch: Batch) -> list[tuple[Attempt, Outcome]]:
        """Forget what a transaction has written; return the attempts that ended."""
        self._updates, self._artifacts = [], []
        return [self._ended.popleft() for _ in batch.outcomes]
