"""A child process whose time is over is killed; one that starts loads each module once."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from itertools import repeat
from queue import Empty, SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer.task_process import attempt, process
from jobs.consumer.task_process.attempt import AttemptInProcess
from jobs.consumer.task_process.process import END_SECONDS, TaskProcess
from jobs.core.states import AttemptOutcome, Status
from tests.claims import make_claim


class Talker:
    """A child that always has one message more; in the end the test gives up."""

    def __init__(self, first: dict[str, Any]) -> None:
        self._messages = iter([first, *repeat({"print": "x"}, 1000)])
        self.killed = False
        self.is_ready = False

    def send(self, kind: str, value: Any) -> None: ...

    def receive(self, timeout: float) -> dict[str, Any]:
        return next(self._messages)

    def kill(self) -> None:
        self.killed = True


def fake_attempt(timeout: float) -> Any:
    made = SimpleNamespace(
        claim=make_claim(timeout=timeout),
        consumer="here:7",
        span=None,
        deadline=None,
        settled=False,
        is_lost=False,
        printed=0,
    )
    made.start_time_limit = lambda: setattr(made, "deadline", time.monotonic() + timeout)
    made.on_cancel = made.artifact = made.progress = made.log = made.warn = lambda *report: None
    made.print = lambda text: setattr(made, "printed", made.printed + 1)
    return made


def test_a_child_that_reports_without_end_meets_its_time_limit() -> None:
    child: Any = Talker({"begun": True})
    outcome = AttemptInProcess(child, fake_attempt(timeout=0.0)).run({})
    assert outcome is not None
    assert (outcome.outcome, outcome.message) == (AttemptOutcome.TIMED_OUT, "timed out after 0 s")
    assert child.killed


def test_a_child_that_reports_and_never_begins_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "START_SECONDS", 0.0)
    child: Any = Talker({"ready": 7})
    outcome = AttemptInProcess(child, fake_attempt(timeout=60)).run({})
    assert outcome is not None
    assert outcome.message == "its process did not begin within 0 s: an import may hang"
    assert child.killed


def test_a_child_that_is_never_ready_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "START_SECONDS", 0.0)
    child: Any = Talker({"print": "loading the project"})
    outcome = AttemptInProcess(child, fake_attempt(timeout=60)).run({})
    assert outcome is not None
    assert (outcome.outcome, outcome.target) == (AttemptOutcome.RELEASED, Status.SCHEDULED)
    assert outcome.shortage.endswith("it was not ready within 0 s"), "as one that dies before"
    assert child.killed


def test_the_time_to_load_the_project_does_not_count_for_the_task(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(attempt, "time", SimpleNamespace(monotonic=lambda: now))

    class Slow(Talker):
        def receive(self, timeout: float) -> dict[str, Any]:
            nonlocal now
            now += attempt.START_SECONDS * 0.6
            return super().receive(timeout)

    child: Any = Slow({"ready": 7})
    outcome = AttemptInProcess(child, fake_attempt(timeout=60)).run({})
    assert outcome is not None
    assert now == 1000.0 + attempt.START_SECONDS * 0.6 * 3, "two more messages fit into its time"
    assert outcome.outcome == AttemptOutcome.TIMED_OUT


def test_a_child_whose_job_another_consumer_has_is_killed() -> None:
    child: Any = Talker({"begun": True})
    lost = fake_attempt(timeout=60)
    lost.is_lost = True
    outcome = AttemptInProcess(child, lost).run({})
    assert outcome is not None
    assert outcome.outcome == AttemptOutcome.RELEASED
    assert child.killed


def test_a_child_does_not_load_its_main_module_twice() -> None:
    """``python -m`` runs it as ``__main__``; whoever imports it would load it again."""
    child = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "jobs.consumer.task_process.main"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in child.stderr.splitlines()}
    assert {"jobs.consumer.task_process.run", "jobs.consumer.task_process.protocol"} <= imported
    assert "jobs.consumer.task_process.main" not in imported


# A child that is to end.


class Inside(TaskProcess):
    """A child process of which the test says what it does."""

    def __init__(self, messages: list[dict[str, Any] | None], *, alive: bool = True) -> None:
        self.calls: list[str] = []
        self.alive = alive
        self._messages = messages
        self._process: Any = SimpleNamespace(
            stdin=SimpleNamespace(close=lambda: self.calls.append("closed"))
        )
        self._exit_status: Any = SimpleNamespace(kill=lambda: self.calls.append("killed"))
        self._job = None
        self.waited: list[float] = []

    def is_alive(self) -> bool:
        return self.alive

    def receive(self, timeout: float | None) -> dict[str, Any] | None:
        self.waited.append(timeout or 0.0)
        if not self._messages:
            raise Empty
        return self._messages.pop(0)


@pytest.mark.parametrize(
    ("messages", "alive", "received"),
    [
        ([{"log": "late"}, None, {"log": "never"}], True, 2),  # until its output ends
        ([{"log": "late"}], True, 2),  # or its time is over
        ([{"log": "late"}], False, 0),
    ],
)
def test_a_child_may_say_what_it_has_to_before_it_is_killed(
    messages: list[dict[str, Any] | None], alive: bool, received: int
) -> None:
    child = Inside(messages, alive=alive)
    child.end()
    assert child.calls[:2] == ["closed", "killed"]
    assert len(child.waited) == received


def test_all_that_a_child_says_at_its_end_has_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(process, "time", SimpleNamespace(monotonic=lambda: now))

    class Talks(Inside):
        def receive(self, timeout: float | None) -> dict[str, Any] | None:
            nonlocal now
            now += 10.0
            return super().receive(timeout)

    child = Talks([{"log": "late"}, {"log": "later"}])
    child.end()
    assert child.waited == [END_SECONDS, END_SECONDS - 10.0, 0.0], "never less than nothing"


def test_a_child_that_is_gone_gets_no_message() -> None:
    """``receive`` tells of it."""
    child = Inside([])

    def refuse(*_: Any) -> None:
        raise BrokenPipeError

    child._writer = SimpleNamespace(send=refuse)  # type: ignore[assignment]
    child._process.stdin.close = refuse
    child.send("cancel", "ada")
    child.close()
    child.kill()
    assert child.calls == ["killed"]


def test_what_a_child_says_is_read_to_its_last_whole_line() -> None:
    child = Inside([])
    inbox: SimpleQueue[Any] = SimpleQueue()
    child._inbox = inbox
    child._process.stdout = io.BytesIO(b'{"log": "one"}\n{"log": "two"}\n{"hal')
    child._read()
    assert [inbox.get_nowait() for _ in range(3)] == [{"log": "one"}, {"log": "two"}, None]
    assert inbox.empty()
    assert child._process.stdout.closed


# What the parent does with what it says.


class Scripted(Talker):
    """A child that says these, and ends."""

    def __init__(self, *said: dict[str, Any] | None) -> None:
        self.said = list(said)
        self.sent: list[Any] = []
        self.killed = self.is_ready = self.is_spent = False

    def send(self, kind: str, value: Any) -> None:
        self.sent.append((kind, value))

    def receive(self, timeout: float) -> Any:
        return self.said.pop(0)

    def cause_of_death(self) -> str:
        return "signal 9"


def test_each_message_reaches_the_attempt() -> None:
    reported: list[Any] = []

    def note(name: str) -> Any:
        return lambda *given, **named: reported.append((name, *given, *named.values()))

    one = fake_attempt(timeout=60)
    for name in ("progress", "stage", "warn", "log", "print", "add_artifact"):
        setattr(one, name, note(name))
    stored = {"name": "a.txt", "file": "f", "size": 3, "content_type": "text/plain"}
    outcome = {
        "outcome": "succeeded", "result": 7, "error_type": "", "message": "", "traceback": "",
        "final": False, "pause": 0.0, "cannot_begin": False, "shortage": "", "is_logged": False,
    }  # fmt: skip
    child: Any = Scripted(
        {"ready": 7},
        {"of a later version": True},
        {"progress": [1.0, 2.0, "m"]},
        {"stage": {"name": "s"}},
        {"warn": "w"},
        {"log": "l"},
        {"print": "p"},
        {"artifact": stored},
        {"spent": True},
        {"outcome": outcome},
    )
    ended = AttemptInProcess(child, one).run({})
    assert ended is not None
    assert ended.result == 7
    assert (child.is_ready, child.is_spent, child.killed) == (True, True, False)
    assert [(name, *rest) for name, *rest in reported[:5]] == [
        ("progress", 1.0, 2.0, "m"), ("stage", "s"), ("warn", "w"), ("log", "l"), ("print", "p")
    ]  # fmt: skip
    name, artifact = reported[5]
    assert (name, artifact.id, artifact.name) == ("add_artifact", one.claim.id, "a.txt")
    assert [kind for kind, _ in child.sent] == ["run"]


def test_a_cancel_is_sent_and_the_task_has_a_moment_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(attempt, "time", SimpleNamespace(monotonic=lambda: now))
    one = fake_attempt(timeout=600)
    one.cancelled_by = lambda: "ada"
    one.on_cancel = lambda callback: callback()

    class Slow(Scripted):
        def receive(self, timeout: float) -> Any:
            nonlocal now
            now += attempt.CANCEL_SECONDS / 2
            return super().receive(timeout)

    child: Any = Slow({"begun": True}, {"print": "x"}, {"print": "never read"})
    outcome = AttemptInProcess(child, one).run({})
    assert child.sent[1] == ("cancel", "ada")
    assert outcome is not None
    assert (outcome.outcome, outcome.message) == (AttemptOutcome.CANCELLED, "cancelled by ada")
    assert child.killed
    assert child.said == [{"print": "never read"}]


@pytest.mark.parametrize(("is_ready", "outcome"), [(True, "died"), (False, "released")])
def test_a_child_that_dies_tells_whether_its_task_had_begun(is_ready: bool, outcome: str) -> None:
    child: Any = Scripted(*([{"ready": 7}] if is_ready else []), None)
    ended = AttemptInProcess(child, fake_attempt(timeout=60)).run({})
    assert ended is not None
    assert ended.outcome == outcome
    assert "signal 9" in ended.message
