"""What a child process does: it receives claims, runs their tasks and reports to its parent."""

from __future__ import annotations

import contextvars
import inspect
import os
import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from queue import SimpleQueue
from typing import Any

from jobs.catalog.attempt_resources import AttemptResources
from jobs.catalog.input_file import FileInfo
from jobs.catalog.registry import load_task
from jobs.catalog.reporter import ArtifactData, SavedArtifact
from jobs.consumer import forks
from jobs.consumer.artifacts import as_saved, saved_artifacts, store_artifact
from jobs.consumer.attempt import ENDED
from jobs.consumer.call import bind_call
from jobs.consumer.capture import captured, current_attempt
from jobs.consumer.connections import TaskConnections
from jobs.consumer.console_log import logged_to_console
from jobs.consumer.failure_log import log_failure_once
from jobs.consumer.job_span import continued
from jobs.consumer.outcomes import (
    could_not_begin,
    outcome_before_start,
    outcome_of_task_error,
    outcome_of_value,
)
from jobs.consumer.trackers import flush_trackers
from jobs.consumer.watching import watched
from jobs.core.request_ids import reset_request_id, set_request_id
from jobs.errors import JobsError
from jobs.lifecycle import Claim, Outcome, stage_of

from . import protocol
from .coroutine import run_to_end
from .protocol import Message, MessageWriter, read_messages
from .surroundings import Leaks, put_back, remember

PROGRESS_SECONDS = 0.2
LOG_SECONDS = 10.0
"""How long a process that is to end may take to log the last failure. Sentry reads the metadata of
all installed packages for its first event, which is much on a busy machine."""
TRACKER_SECONDS = 2.0
"""How long its last events may take to reach an error tracker then."""


def run_until_parent_ends(requests: int, replies: int) -> None:
    """Run one claim after the other; the process exits when its requests end.

    Args:
        requests: the descriptor that messages of the parent are read from.
        replies: the descriptor that messages to it are written to.
    """
    forks.watch(requests, replies)
    # Without a buffer, which has a lock that a forked process may inherit held.
    writer = MessageWriter(os.fdopen(replies, "wb", buffering=0))
    runs: SimpleQueue[ChildRun] = SimpleQueue()
    arguments = (requests, writer, runs)
    threading.Thread(target=_receive, args=arguments, name="parent", daemon=True).start()
    leaks = Leaks()
    with logged_to_console(), captured():
        writer.send(protocol.READY, os.getpid())
        while True:
            # What a task sets in its context (a language, a time zone) goes with it.
            contextvars.copy_context().run(runs.get().run, leaks)


def _receive(requests: int, writer: MessageWriter, runs: SimpleQueue[ChildRun]) -> None:
    """Queue what the parent sends. A cancel belongs to the last claim, which may not have begun."""
    run: ChildRun | None = None
    for message in read_messages(requests):
        if protocol.RUN in message:
            run = ChildRun(writer, message[protocol.RUN])
            runs.put(run)
        elif protocol.CANCEL in message and run is not None:
            run.reporter.cancel(message[protocol.CANCEL])
    # End of file: the parent is gone, so nobody would read an outcome.
    if run is not None and run.has_ended:
        run.is_done.wait(LOG_SECONDS)
        flush_trackers(TRACKER_SECONDS)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)  # ends what the task has started too
    os._exit(0)


class ChildReporter:
    """Passes on to the parent what a task reports; progress not more often than it is read."""

    def __init__(self, writer: MessageWriter, claim: Claim) -> None:
        self._writer = writer
        self._claim = claim
        self._lock = threading.RLock()  # a finalizer that prints may run anywhere
        self.settled = False
        self._progress: tuple[float, float | None, str] | None = None
        self._next_progress = 0.0
        self._cancelled_by: str | None = None
        self._saved: dict[str, SavedArtifact] = {}
        self.deadline: float | None = None  # the parent has it
        self.resources = AttemptResources(claim.id, claim.attempt)

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Note how far it is; send it when the last was sent long enough ago."""
        self._progress = (float(done), None if total is None else float(total), message)
        if time.monotonic() >= self._next_progress:
            self.flush()

    def flush(self) -> None:
        """Send the last progress."""
        progress, self._progress = self._progress, None
        self._next_progress = time.monotonic() + PROGRESS_SECONDS
        if progress is not None:
            self._send(protocol.PROGRESS, progress)

    def _send(self, kind: str, value: Any) -> None:
        # A process that the task has forked would write between our messages.
        if forks.is_forked():
            return
        # A thread that goes on after its task must not report to the child's next job.
        with self._lock:
            if not self.settled:
                self._writer.send(kind, value)

    def end(self) -> None:
        """Send the last progress, and nothing after that."""
        self.flush()
        with self._lock:
            self.settled = True

    def stage(self, name: str, number: int | None, of: int | None) -> None:
        """Send that a stage begins; progress of the one before is not worth sending."""
        self._progress = None
        self._next_progress = 0.0
        self._send(protocol.STAGE, stage_of(name, number, of))

    def warn(self, text: str) -> None:
        """Send a warning."""
        self._send(protocol.WARN, text)

    def log(self, text: str) -> None:
        """Send a line of the log."""
        self._send(protocol.LOG, str(text))

    def print(self, text: str) -> None:
        """Send what the task printed."""
        self._send(protocol.PRINT, text)

    def cancel(self, by: str) -> None:
        """Note that someone wants the job cancelled."""
        self._cancelled_by = by
        self.resources.cancel()

    def cancelled_by(self) -> str | None:
        """Who asked for the job to be cancelled; None when nobody did."""
        return self._cancelled_by

    def artifacts(self) -> Mapping[str, SavedArtifact]:
        """Return the job's files: those that the parent has not written yet as well."""
        return saved_artifacts(self._claim.id, self._saved)

    def artifact(self, name: str, data: ArtifactData) -> None:
        """Store a file; the parent adds it to the job.

        Raises:
            RuntimeError: the attempt has ended.
        """
        if self.settled:
            raise RuntimeError(ENDED)
        file = store_artifact(self._claim.id, self._claim.attempt, name, data)
        self._saved[file.name] = as_saved(file)
        stored = asdict(file)
        del stored["id"], stored["attempt"]
        self._send(protocol.ARTIFACT, stored)


class ChildRun:
    """One claim that the parent sent.

    Attributes:
        has_ended: whether the parent was sent how it ended.
        is_done: set once its failure is logged, too.
    """

    def __init__(self, writer: MessageWriter, message: Message) -> None:
        self._writer = writer
        self._claim = Claim.from_json(message["claim"])
        self._files: Mapping[str, FileInfo] = message["files"]
        self._consumer: str = message["consumer"]
        self._traceparent: str | None = message["traceparent"]
        self.has_ended = False
        self.is_done = threading.Event()
        self.reporter = ChildReporter(writer, self._claim)

    def run(self, leaks: Leaks) -> None:
        """Run the task, send how it ended, and log a failure: its exception is here."""
        token = set_request_id(self._claim.request_id or "")
        try:
            self._run_to_its_end(leaks)
        finally:
            reset_request_id(token)
        self.is_done.set()

    def _run_to_its_end(self, leaks: Leaks) -> None:
        with watched(self._claim, partial(continued, self._traceparent)):
            outcome = self._run(leaks)
            outcome.cancel_requested = self.reporter.cancelled_by() is not None
            # Whether newer code may begin the job is for the parent to say.
            logs = outcome.is_failure and not outcome.cannot_begin
            self._writer.send(protocol.OUTCOME, outcome.to_json() | {"is_logged": logs})
            self.has_ended = True
            # Only now: a handler may send mail, and the job's time limit goes on until then.
            if logs:
                log_failure_once(outcome)

    def _run(self, leaks: Leaks) -> Outcome:
        """Run the task, and put back what it has changed here."""
        token = current_attempt.set(self.reporter)
        before, found = remember(), leaks.count()
        connections = TaskConnections()
        try:
            outcome = self._outcome(connections)
        finally:
            current_attempt.reset(token)
            self.reporter.resources.close()
            put_back(before)
            connections.tidy()
        self.reporter.end()
        if leaks.has_leaked(self._claim.task, found):
            self._writer.send(protocol.SPENT, True)
        return outcome

    def _outcome(self, connections: TaskConnections) -> Outcome:
        claim = self._claim
        try:
            task = load_task(claim.task, claim.module_path)
            call = bind_call(claim, task, self.reporter, files=self._files, consumer=self._consumer)
        except JobsError as error:
            return could_not_begin(claim, error)
        except BaseException as error:  # noqa: BLE001  (a model's validator is anybody's code)
            return outcome_before_start(claim, error)
        self._writer.send(protocol.BEGUN, True)
        try:
            value: Any = run_to_end(call) if inspect.iscoroutinefunction(task.func) else call()
            forks.leave_if_forked()
            connections.refuse_open_transactions()
            return outcome_of_value(claim, value, self.reporter)
        except BaseException as error:  # noqa: BLE001  (SystemExit too ends the task, not us)
            forks.leave_if_forked(error)
            return outcome_of_task_error(claim, error)
