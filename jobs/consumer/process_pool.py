"""Child processes for tasks that compute or cannot be trusted: spawned, reused, killable."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from jobs.core.states import AttemptOutcome
from jobs.lifecycle import StoredArtifact

from .attempt import Attempt
from .call import Order
from .exit_status import ExitStatus
from .result import Answer, cancelled, never_began, timed_out

CANCEL_SECONDS = 2.0
"""How long a task that was asked to stop may take to do so before it is killed."""
IDLE_SECONDS = 60.0
START_SECONDS = 60.0
"""How long a child may take from an order to the task's first line: to start, to import."""

Message = dict[str, Any]


class ChildProcess:
    """One child process."""

    def __init__(self) -> None:
        self.idle_since = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jobs.consumer.child_main"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            # A group of its own, so that what a task starts goes when its process does.
            process_group=0 if os.name != "nt" else None,
        )
        self._end = ExitStatus(self._process)
        self._inbox: SimpleQueue[Message | None] = SimpleQueue()
        threading.Thread(target=self._listen, name="child-reader", daemon=True).start()

    def _listen(self) -> None:
        # Closed here and not by who kills: that would wait for this very read.
        with contextlib.suppress(OSError, ValueError), self._process.stdout or io.BytesIO() as out:
            for line in out:
                # A process that dies while it writes leaves half a line, which is no JSON.
                self._inbox.put(json.loads(line))
        self._inbox.put(None)

    def send(self, **message: Any) -> None:
        """Send one message; a child that is gone will be noticed by its silence."""
        pipe = self._process.stdin
        # When it died (or we killed it), the end of its output says so to who reads it.
        with contextlib.suppress(OSError, ValueError):
            if pipe is not None:
                pipe.write(json.dumps(message).encode("ascii") + b"\n")
                pipe.flush()

    def receive(self, timeout: float | None) -> Message | None:
        """Return the next message, None when the child has ended.

        Raises:
            Empty: nothing came in time.
        """
        return self._inbox.get(timeout=timeout)

    def has_said_more(self) -> bool:
        """Whether there are messages that nobody has received."""
        return not self._inbox.empty()

    def kill(self) -> None:
        """End it now, and what it has started."""
        self._end.kill()
        with contextlib.suppress(OSError):  # what was not sent yet has nobody to go to
            if self._process.stdin is not None:
                self._process.stdin.close()

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return not self._end.has_come()

    def cause_of_death(self) -> str:
        """How it ended, in words, with the most memory it had where the system tells."""
        return self._end.in_words()


class ProcessPool:
    """The children of one consumer process: started when needed, reused, let go when idle."""

    def __init__(self) -> None:
        self._idle: list[ChildProcess] = []
        self._busy: set[ChildProcess] = set()
        self._lock = threading.Lock()

    def run(self, attempt: Attempt, order: Order, *, alone: bool) -> Answer | None:
        """Run an order; return its answer, None when the attempt was settled from elsewhere.

        ``alone`` gives it a fresh child that nothing else will use.
        """
        child = ChildProcess() if alone else self._borrow()
        with self._lock:
            self._busy.add(child)
        try:
            answer = _Run(child, attempt).go(order)
        except BaseException:
            child.kill()
            raise
        finally:
            with self._lock:
                self._busy.discard(child)
        if alone or not child.is_alive():
            child.kill()
        else:
            self._give_back(child)
        return answer

    def _borrow(self) -> ChildProcess:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    return child
        return ChildProcess()

    def _give_back(self, child: ChildProcess) -> None:
        child.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(child)

    def trim(self) -> None:
        """Let go of those that have been idle for long."""
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            old = [child for child in self._idle if child.idle_since < oldest]
            self._idle = [child for child in self._idle if child not in old]
        for child in old:
            child.kill()

    def kill_all(self) -> None:
        """End them all."""
        with self._lock:
            children = [*self._idle, *self._busy]
            self._idle = []
        for child in children:
            child.kill()


class _Run:
    """One order in one child: passes on what it says, ends it when it must."""

    def __init__(self, child: ChildProcess, attempt: Attempt) -> None:
        self.child = child
        self.attempt = attempt
        self.kill_at: float | None = None
        self.begin_by: float | None = time.monotonic() + START_SECONDS
        self._on: dict[str, Callable[[Any], object]] = {
            "progress": lambda said: attempt.progress(*said),
            "log": attempt.log,
            "print": attempt.print,
            "artifact": self._note,
            "begun": self._begun,
        }

    def go(self, order: Order) -> Answer | None:
        self.child.send(run=order.as_json())
        self.attempt.on_cancel(self._ask)
        while True:
            try:
                message = self.child.receive(self._patience())
            except Empty:
                message = {}
            if message is None:
                return self._died()
            if "answer" in message:
                return Answer(**message["answer"])
            for kind, said in message.items():
                self._on.get(kind, _ignore)(said)
            # One that never stops talking has its limits too. And what a task forked may hold the
            # line open: its silence is no sign of life.
            answer = self._overdue() or (None if message else self._died_in_silence())
            if answer is not None:
                self.child.kill()
                return answer

    def _begun(self, said: Any) -> None:
        # The task's own time: that of its process to start is none of its fault.
        self.begin_by = None
        self.attempt.limit_time()

    def _ask(self) -> None:
        self.child.send(cancel=self.attempt.cancel_by)
        self.kill_at = time.monotonic() + CANCEL_SECONDS

    def _patience(self) -> float:
        """Seconds until there may be something else to do than to listen."""
        ends = (self.attempt.deadline, self.kill_at, self.begin_by)
        wait = min(filter(None, ends), default=time.monotonic() + 1.0) - time.monotonic()
        return max(0.0, min(wait, 1.0))

    def _overdue(self) -> Answer | None:
        now = time.monotonic()
        if self.kill_at is not None and now >= self.kill_at:
            return cancelled(self.attempt.cancel_by or "")
        if self.attempt.deadline is not None and now >= self.attempt.deadline:
            return timed_out(self.attempt.claim.timeout or 0.0)
        if self.begin_by is not None and now >= self.begin_by:
            return never_began(START_SECONDS)
        return None

    def _died_in_silence(self) -> Answer | None:
        return None if self.child.is_alive() or self.child.has_said_more() else self._died()

    def _died(self) -> Answer | None:
        if self.attempt.settled:
            return None  # we killed it ourselves, with the whole process
        return Answer(
            ending=AttemptOutcome.DIED,
            error_type="WorkerDied",
            message=f"worker process died: {self.child.cause_of_death()}",
        )

    def _note(self, said: Message) -> None:
        claim = self.attempt.claim
        self.attempt.note(StoredArtifact(claim.id, claim.attempt, **said))


def _ignore(said: Any) -> None:
    """A child of another version may say more than we know."""
