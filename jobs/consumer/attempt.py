"""A claim while it runs in this process: what its task reports, and how it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import Any

from django.utils import timezone

from jobs.catalog.attempt_resources import AttemptResources
from jobs.catalog.reporter import ArtifactData, SavedArtifact
from jobs.conf import get_conf
from jobs.core.jsonutils import clean
from jobs.core.tempdirs import TempDir
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, Stage, StoredArtifact, stage_of

from .artifacts import as_saved, saved_artifacts, store_artifact
from .job_span import end_span
from .job_warnings import Warnings
from .log_buffer import LogBuffer, LogText, heading
from .outcomes import released

MAX_ERROR_TYPE, MAX_MESSAGE, MAX_TRACEBACK = 200, 10_000, 100_000
"""Characters that are kept; of a traceback the last ones."""
ENDED = "The attempt has ended: it can keep no more files."
COMMAND_SECONDS = 5.0
"""How long after its time limit an attempt may take to end the command that it runs."""


class Attempt:
    """A running claim. Any thread may report to it; the batch writer collects what was reported.

    Args:
        claim: the job and the attempt's number.
        on_settled: called once, with the attempt and how it ended.
        consumer: host and process id, for people to read.
    """

    def __init__(
        self, claim: Claim, on_settled: Callable[[Attempt, Outcome], None], consumer: str
    ) -> None:
        self.claim = claim
        self.consumer = consumer
        self.deadline: float | None = None
        self.runs_in_thread = False
        self.runs_in_child = False
        self.is_lost = False
        self.left_behind = False
        self.context: Context | None = None
        self.span: Any = None
        self._on_settled = on_settled
        self._claimed_at = time.monotonic()
        self._began_at: float | None = None
        self._ended_at: float | None = None
        # Reentrant: a finalizer that prints may run anywhere.
        self._lock = threading.RLock()
        self._settled = False
        self._cancelled_by: str | None = None
        self._cancel_callbacks: list[Callable[[], object]] = []
        self._has_updates = False
        self._progress: tuple[float, float | None, str] | None = None
        self._log: LogBuffer | None = None
        self._artifacts: list[StoredArtifact] = []
        # Made by the few tasks that use them.
        self._stage: Stage | None = None
        self._warnings: Warnings | None = None
        self._resources: AttemptResources | None = None
        self._saved: dict[str, SavedArtifact] | None = None

    # What the task reports: catalog.context.Reporter and capture.OutputSink.

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Note how far it is; only the last report is written."""
        self._progress = (float(done), None if total is None else float(total), clean(message))
        self._has_updates = True

    def stage(self, name: str, number: int | None, of: int | None) -> None:
        """Begin a stage."""
        self._stage = stage_of(name, number, of)
        self.progress(0, None, "")

    def warn(self, text: str) -> None:
        """Add to the job's warnings, and to its log."""
        with self._lock:
            self._warnings = self._warnings or Warnings()
            self._warnings.add(text)
        self.log(f"Warning: {text}")

    def log(self, text: str) -> None:
        """Append a line to the job's log."""
        self._log_buffer().add_line(str(text))
        self._has_updates = True

    def print(self, text: str) -> None:
        """Append what the task printed."""
        self._log_buffer().add(text)
        self._has_updates = True

    def _log_buffer(self) -> LogBuffer:
        if self._log is None:
            made = LogBuffer(get_conf().max_log, heading(self.claim.attempt, self.consumer))
            with self._lock:
                self._log = self._log or made
        return self._log

    def cancelled_by(self) -> str | None:
        """Who asked for the job to be cancelled; None when nobody did."""
        return self._cancelled_by

    def artifacts(self) -> Mapping[str, SavedArtifact]:
        """Return the job's files: those that are not written yet as well."""
        return saved_artifacts(self.claim.id, self._saved or {})

    def artifact(self, name: str, data: ArtifactData) -> None:
        """Store a file; the batch writer's next transaction adds it to the job.

        Raises:
            RuntimeError: the attempt has ended: a thread of it that goes on can keep no more files.
        """
        if self._settled:
            raise RuntimeError(ENDED)
        self.add_artifact(store_artifact(self.claim.id, self.claim.attempt, name, data))

    def add_artifact(self, artifact: StoredArtifact) -> None:
        """Add a file that is already in the storage."""
        with self._lock:
            self._artifacts.append(artifact)
            self._saved = {**(self._saved or {}), artifact.name: as_saved(artifact)}
        self._has_updates = True

    @property
    def resources(self) -> AttemptResources:
        """What ends with it."""
        with self._lock:
            if self._resources is None:
                self._resources = AttemptResources(self.claim.id, self.claim.attempt)
                if self._cancelled_by is not None:
                    self._resources.cancel()
                if self._settled:
                    self._resources.end()
            return self._resources

    # What the consumer does with it.

    def request_cancel(self, by: str) -> None:
        """Tell the task that someone wants its job cancelled."""
        self._cancelled_by = by
        for callback in self._cancel_callbacks:
            callback()
        if self._resources is not None:
            self._resources.cancel()

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call back when someone asks for a cancel; at once if someone already has."""
        self._cancel_callbacks.append(callback)
        if self._cancelled_by is not None:
            callback()

    def begin(self) -> bool:
        """Note that a thread has taken it up; False when it was released before."""
        self._began_at = time.monotonic()
        return not self._settled

    @property
    def has_begun(self) -> bool:
        """Whether a thread has taken it up."""
        return self._began_at is not None

    def start_time_limit(self) -> None:
        """Let the time limit count from now on."""
        if self.claim.timeout is not None:
            self.deadline = time.monotonic() + self.claim.timeout

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        end = self._ended_at or time.monotonic()
        return end - (self._began_at or self._claimed_at)

    def waits_longer_than(self, seconds: float) -> bool:
        """Whether no thread has taken it up in this time."""
        return self._began_at is None and time.monotonic() - self._claimed_at > seconds

    def is_overdue(self) -> bool:
        """Whether it runs in a thread and is past its time limit.

        The limits of coroutines and child processes are kept by the threads that wait for them.
        """
        limit = self.deadline
        if not self.runs_in_thread or limit is None or time.monotonic() < limit:
            return False
        # A command ends at the limit by itself, and then its thread is free: nothing is left
        # behind, so that the process need not be replaced.
        runs_commands = self._resources is not None and self._resources.runs_commands
        return not runs_commands or time.monotonic() >= limit + COMMAND_SECONDS

    def collect(self) -> tuple[AttemptUpdate | None, list[StoredArtifact]]:
        """Return what was reported since the last call, for one transaction."""
        if not self._has_updates:
            return None, []
        with self._lock:
            self._has_updates = False
            progress, self._progress = self._progress, None
            artifacts, self._artifacts = self._artifacts, []
            stage, self._stage = self._stage, None
            warnings = self._warnings.drain() if self._warnings is not None else None
        log = LogText()
        if self._log is not None:
            log = self._log.drain(time.monotonic(), final=self._settled)
            if self._log.has_text():
                self._has_updates = True  # it has to wait
        update = AttemptUpdate(
            self.claim.id,
            self.claim.attempt,
            log=log.text,
            skipped=log.skipped,
            log_end=log.end,
            stage=stage,
            warnings=warnings,
        )
        if progress is not None:
            update.done, update.total, update.message = progress
        nothing = update == AttemptUpdate(self.claim.id, self.claim.attempt)
        return None if nothing else update, artifacts

    def release(self, reason: str) -> bool:
        """Give the job back at no cost to it; as ``settle``."""
        return self.settle(released(self.claim, reason))

    def settle(self, outcome: Outcome) -> bool:
        """Set how it ended. The first outcome counts; return whether this was it."""
        with self._lock:
            if self._settled:
                return False
            self._settled = True
        self._ended_at = time.monotonic()
        outcome.error_type = clean(outcome.error_type)[:MAX_ERROR_TYPE]
        outcome.message = clean(outcome.message)[:MAX_MESSAGE]
        outcome.traceback = clean(outcome.traceback)[-MAX_TRACEBACK:]
        outcome.ended_at = timezone.now()
        outcome.consumer = self.consumer
        outcome.seconds = None if self._began_at is None else self._ended_at - self._began_at
        outcome.cancel_requested = self._cancelled_by is not None
        if self.context is not None and outcome.is_failure:
            # A copy: a thread that is left behind is still in it.
            outcome.context = self.context.copy()
        if self._resources is not None:
            self._resources.end()
        if self.span is not None:
            end_span(self.span, outcome)
        self._on_settled(self, outcome)
        return True

    def close(self) -> None:
        """End what the task has left running, and remove its temporary folder."""
        if self._resources is not None:
            self._resources.close()
        if self.runs_in_child:  # it may have been killed
            TempDir(self.claim.id, self.claim.attempt).remove()

    def lose(self) -> None:
        """Another consumer has the job: end the commands of this attempt, or its child process."""
        self.is_lost = True
        if self._resources is not None:
            self._resources.end()

    @property
    def settled(self) -> bool:
        """Whether it is known how it ended."""
        return self._settled
