"""A line for each job, and one for many successes in one transaction."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer.job_log import MAX_LINES, log_finished
from jobs.core.states import AttemptOutcome
from jobs.lifecycle import Outcome
from tests.claims import make_claim


def ended(
    task: str = "a.b", ending: AttemptOutcome = AttemptOutcome.SUCCEEDED, message: str = ""
) -> Any:
    claim = replace(make_claim(), task=task)
    return SimpleNamespace(seconds=0.25), Outcome(claim=claim, outcome=ending, message=message)


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(logging.getLogger("jobs"), "propagate", True)
    caplog.set_level(logging.INFO, "jobs")
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_few_jobs_get_a_line_each(lines: Any) -> None:
    many = [ended() for _ in range(MAX_LINES)]
    log_finished(many, set())
    assert len(lines()) == MAX_LINES
    assert str(many[0][1].claim.id) in lines()[0]


def test_many_successes_share_a_line_for_each_task(lines: Any) -> None:
    log_finished([ended() for _ in range(MAX_LINES)] + [ended("c.d")], set())
    most = f"a.b: {MAX_LINES} done, in 0.250 s at most"
    assert lines() == [most, "c.d: 1 done, in 0.250 s at most"]


def test_what_has_neither_succeeded_nor_failed_always_has_its_line(lines: Any) -> None:
    released = ended(ending=AttemptOutcome.RELEASED, message="no disk\nmore")
    superseded, failed = ended(), ended(ending=AttemptOutcome.FAILED)
    lost = {(superseded[1].claim.id, 1)}
    log_finished([*[ended() for _ in range(MAX_LINES)], released, failed, superseded], lost)
    assert any(str(released[1].claim.id) in line and "no disk" in line for line in lines())
    assert any(str(superseded[1].claim.id) in line and "given up" in line for line in lines())
    assert len(lines()) == 3, "a failure has a record of its own"
