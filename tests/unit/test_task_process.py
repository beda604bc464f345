"""A child process whose time is over is killed; one that starts loads each module once."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer.task_process import attempt
from jobs.consumer.task_process.attempt import AttemptInProcess
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
