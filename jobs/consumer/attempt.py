"""A claim while it runs in this process, and what it says meanwhile."""

from __future__ import annotations

import mimetypes
import threading
import time
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Final, Protocol

from django.core.files.base import ContentFile, File
from django.utils import timezone

from jobs.conf import get_conf
from jobs.core.jsonutils import clean
from jobs.core.states import AttemptOutcome
from jobs.core.storage import job_storage
from jobs.lifecycle import AttemptUpdate, Claim, Outcome, StoredArtifact

from .result import Answer


class Speaker(Protocol):
    """Takes down what a task prints and logs."""

    def print(self, text: str) -> None:
        """Append what the task printed."""

    def log(self, text: str) -> None:
        """Append a line."""


current: ContextVar[Speaker | None] = ContextVar("jobs_attempt", default=None)
"""Who takes down the words of the task that this thread (or coroutine) is running."""

LOG_CUT: Final = "\n[the log is cut here: it is over its limit]\n"


class LogBuffer:
    """Log text on its way: each line gets the time of day, and a job's log has an end."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        self._left = limit
        self._at_line_start = True

    def add(self, text: str) -> None:
        """Append text as a stream does: a line may come in pieces."""
        if self._left <= 0 or not text:
            return
        for line in clean(text[: self._left]).splitlines(keepends=True):
            if self._at_line_start:
                self._put(f"{timezone.localtime():%H:%M:%S} ")
            self._put(line)
            self._at_line_start = line.endswith("\n")
        self._left -= len(text)
        if self._left <= 0:
            self._put(LOG_CUT)

    def add_line(self, text: str) -> None:
        """Append whole lines."""
        self.add(("" if self._at_line_start else "\n") + text + "\n")

    def _put(self, text: str) -> None:
        self._parts.append(text)

    def drain(self) -> str:
        """Take what has gathered."""
        parts, self._parts = self._parts, []
        return "".join(parts)


class Attempt:
    """A running claim. Threads tell it things; the writer collects them."""

    def __init__(
        self, claim: Claim, on_settled: Callable[[Attempt, Outcome], None], consumer: str
    ) -> None:
        self.claim = claim
        self.consumer = consumer
        self.claimed = time.monotonic()
        self.began: float | None = None
        self.ended: float | None = None
        self.deadline: float | None = None
        self.in_thread = False
        self.left_behind = False
        self.cancel_by: str | None = None
        self._reactions: list[Callable[[], object]] = []
        self.notes: list[StoredArtifact] = []
        self._on_settled = on_settled
        self._lock = threading.Lock()
        self._progress: tuple[float, float | None, str] | None = None
        self._log = LogBuffer(get_conf().max_log)
        self._said = False
        self._settled = False

    # What the task says (the Reporter of its context).

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Note how far it is; only the last word is written."""
        self._progress = (float(done), None if total is None else float(total), clean(message))
        self._said = True

    def log(self, text: str) -> None:
        """Append a line to the job's log."""
        with self._lock:
            self._log.add_line(str(text))
        self._said = True

    def print(self, text: str) -> None:
        """Append what the task printed."""
        with self._lock:
            self._log.add(text)
        self._said = True

    def cancelled_by(self) -> str | None:
        """Who asked for the job to be cancelled; None when nobody did."""
        return self.cancel_by

    def artifact(self, name: str, data: bytes | str | Path) -> None:
        """Store a file; it is known as the job's with the writer's next transaction."""
        self.note(store_artifact(self.claim.id, self.claim.attempt, name, data))

    def note(self, note: StoredArtifact) -> None:
        """Tell of a file that is already in the storage."""
        with self._lock:
            self.notes.append(note)
        self._said = True

    # What the process does with it.

    def ask_to_cancel(self, by: str) -> None:
        """Pass on that someone wants it cancelled."""
        self.cancel_by = by
        for react in self._reactions:
            react()

    def on_cancel(self, react: Callable[[], object]) -> None:
        """Call ``react`` when someone asks for a cancel; at once if someone already has."""
        self._reactions.append(react)
        if self.cancel_by is not None:
            react()

    def begin(self) -> bool:
        """A thread has come for it; False when it was handed back before."""
        self.began = time.monotonic()
        return not self._settled

    def limit_time(self) -> None:
        """Start the clock of its time limit."""
        if self.claim.timeout is not None:
            self.deadline = time.monotonic() + self.claim.timeout

    @property
    def seconds(self) -> float:
        """How long it has run, or ran."""
        now = time.monotonic()
        return (self.ended or now) - (self.began or self.claimed)

    def waits_longer_than(self, seconds: float) -> bool:
        """Whether no thread has come for it in this time."""
        return self.began is None and time.monotonic() - self.claimed > seconds

    def is_overdue(self) -> bool:
        """Whether it runs in a thread and has had its time. (Children are watched by who waits.)"""
        limit = self.deadline
        return self.in_thread and limit is not None and time.monotonic() >= limit

    def collect(self) -> tuple[AttemptUpdate | None, list[StoredArtifact]]:
        """Take what was said since the last call, for one transaction."""
        if not self._said:
            return None, []
        with self._lock:
            self._said = False
            progress, self._progress = self._progress, None
            notes, self.notes = self.notes, []
            words = AttemptUpdate(self.claim.id, self.claim.attempt, log=self._log.drain())
        if progress is not None:
            words.done, words.total, words.message = progress
        return words, notes

    def settle(self, answer: Answer) -> bool:
        """Say how it ended. The first word counts; returns whether this was it."""
        with self._lock:
            if self._settled:
                return False
            self._settled = True
        self.ended = time.monotonic()
        outcome = Outcome(
            claim=self.claim,
            ending=AttemptOutcome(answer.ending),
            ended_at=timezone.now(),
            consumer=self.consumer,
            result=answer.result,
            error_type=clean(answer.error_type)[:200],
            message=clean(answer.message)[:10_000],
            traceback=clean(answer.traceback)[-100_000:],
            final=answer.final,
            pause=answer.pause,
        )
        self._on_settled(self, outcome)
        return True

    @property
    def settled(self) -> bool:
        """Whether it is known how it ended."""
        return self._settled


def store_artifact(
    job: uuid.UUID, attempt: int, name: str, data: bytes | str | Path
) -> StoredArtifact:
    """Put a file into the storage under a name of ours; its own is for people to read."""
    target = f"artifacts/{job.hex[:6]}/{job.hex}/{attempt}-{uuid.uuid4().hex}"
    content: File[bytes]
    if isinstance(data, Path):
        with data.open("rb") as source:
            content = File(source)
            size, stored = content.size, job_storage().save(target, content)
    else:
        raw = clean(data).encode() if isinstance(data, str) else bytes(data)
        size, stored = len(raw), job_storage().save(target, ContentFile(raw))
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return StoredArtifact(job, attempt, clean(name), size, guessed[:100], stored)
