"""One attempt in a child process: passes on what it reports, kills it when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any

from jobs.catalog.input_file import FileInfo
from jobs.consumer.attempt import Attempt
from jobs.consumer.job_span import traceparent
from jobs.consumer.outcomes import cancelled, never_began, released, short_of, timed_out
from jobs.core.states import AttemptOutcome
from jobs.errors import CannotStart
from jobs.lifecycle import Outcome, StoredArtifact

from . import protocol
from .process import NO_PROCESS, TaskProcess
from .protocol import Message

CANCEL_SECONDS = 2.0
"""How long a task that was asked to stop may take to do so before it is killed."""
START_SECONDS = 60.0
"""How long a child may take to load the project, and as long again until the task's first line: to
import its module, to check its arguments."""


class AttemptInProcess:
    """A claim that runs in a child process."""

    def __init__(self, child: TaskProcess, attempt: Attempt) -> None:
        self._child = child
        self._attempt = attempt
        self._kill_at: float | None = None
        self._begin_by: float | None = time.monotonic() + START_SECONDS
        self._handlers: dict[str, Callable[[Any], object]] = {
            protocol.PROGRESS: lambda progress: attempt.progress(*progress),
            protocol.STAGE: lambda stage: attempt.stage(**stage),
            protocol.WARN: attempt.warn,
            protocol.LOG: attempt.log,
            protocol.PRINT: attempt.print,
            protocol.ARTIFACT: self._add_artifact,
            protocol.READY: self._note_ready,
            protocol.BEGUN: self._begun,
            protocol.SPENT: self._note_spent,
        }

    def run(self, files: Mapping[str, FileInfo]) -> Outcome | None:
        """Run it; return how it ended, None when it was settled from elsewhere."""
        claim = self._attempt.claim
        values = {
            "claim": claim.to_json(),
            "files": files,
            "consumer": self._attempt.consumer,
            "traceparent": traceparent(self._attempt.span),
        }
        self._child.send(protocol.RUN, values)
        self._attempt.on_cancel(self._send_cancel)
        while True:
            try:
                message = self._child.receive(self._seconds_to_wait())
            except Empty:
                message = {}
            if message is None:
                return self._died()
            if protocol.OUTCOME in message:
                return Outcome.from_json(claim, message[protocol.OUTCOME])
            for kind, value in message.items():
                self._handlers.get(kind, _ignore)(value)
            # Also after a message: a child that reports without end has limits too. A dead child
            # may not end its output, because a process that the task has forked holds it open.
            outcome = self._overdue() or (None if message else self._died_if_ended())
            if outcome is not None:
                self._child.kill()
                return outcome

    def _begun(self, _: Any) -> None:
        # The time limit is the task's own: the start of its process does not count.
        self._begin_by = None
        self._attempt.start_time_limit()

    def _note_ready(self, _: Any) -> None:
        self._child.is_ready = True
        self._begin_by = time.monotonic() + START_SECONDS

    def _note_spent(self, _: Any) -> None:
        self._child.is_spent = True

    def _send_cancel(self) -> None:
        self._child.send(protocol.CANCEL, self._attempt.cancelled_by())
        self._kill_at = time.monotonic() + CANCEL_SECONDS

    def _seconds_to_wait(self) -> float:
        """How long to wait for a message before there may be something else to do."""
        ends = (self._attempt.deadline, self._kill_at, self._begin_by)
        wait = min(filter(None, ends), default=time.monotonic() + 1.0) - time.monotonic()
        return max(0.0, min(wait, 1.0))

    def _overdue(self) -> Outcome | None:
        now, claim = time.monotonic(), self._attempt.claim
        if self._attempt.is_lost:
            return released(claim, "another consumer has the job")
        if self._kill_at is not None and now >= self._kill_at:
            return cancelled(claim, self._attempt.cancelled_by() or "")
        if self._attempt.deadline is not None and now >= self._attempt.deadline:
            return timed_out(claim)
        if self._begin_by is not None and now >= self._begin_by:
            return self._never_began()
        return None

    def _never_began(self) -> Outcome:
        # As with a child that dies: what happens before it is ready is no fault of the task.
        if self._child.is_ready:
            return never_began(self._attempt.claim, START_SECONDS)
        return self._not_started(f"it was not ready within {START_SECONDS:g} s")

    def _died_if_ended(self) -> Outcome | None:
        if self._child.is_alive() or self._child.has_unread_messages():
            return None
        return self._died()

    def _died(self) -> Outcome | None:
        if self._attempt.settled:
            return None  # we killed it ourselves: the consumer is stopping
        how = self._child.cause_of_death()
        if not self._child.is_ready:
            return self._not_started(f"it ended before it was ready ({how})")
        return Outcome(
            claim=self._attempt.claim,
            outcome=AttemptOutcome.DIED,
            error_type="WorkerDied",
            message=f"worker process died: {how}",
        )

    def _not_started(self, why: str) -> Outcome:
        """A machine or a limit that leaves it too little to load the project, most often. No task
        has run."""
        return short_of(self._attempt.claim, CannotStart(NO_PROCESS, why))

    def _add_artifact(self, values: Message) -> None:
        claim = self._attempt.claim
        self._attempt.add_artifact(StoredArtifact(claim.id, claim.attempt, **values))


def _ignore(value: Any) -> None:
    """Do nothing: a child of another version may send messages that we do not know."""
