"""The checker itself: good records have no violations, each violation is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import Answer, AttemptRow, Change, Effect, JobRow, Records, check

JOB = JobRow("a", "k", "succeeded", 2, 0, 3, 2)


def good() -> Records:
    """One job, lost once, then done."""
    return Records(
        accepted={"k": "a"},
        asked={"k"},
        jobs=[JOB],
        attempts=[
            AttemptRow("a", 1, "lost", 1.0, 2.0),
            AttemptRow("a", 2, "succeeded", 3.0, 4.0),
        ],
        changes=[
            Change("a", "queued", "running", 0, 1),
            Change("a", "running", "queued", 1, 1),
            Change("a", "queued", "running", 1, 2),
            Change("a", "running", "succeeded", 2, 2),
        ],
        ledger=[Effect("a", 1, "begin"), Effect("a", 2, "begin"), Effect("a", 2, "end")],
        answers=[Answer("POST", "jobs", status) for status in (0, 202, 409)]
        + [Answer("POST", "jobs", 503, "2")],
    )


def _job(**changes: object) -> Callable[[Records], object]:
    def change(records: Records) -> None:
        records.jobs[0] = replace(JOB, **changes)  # type: ignore[arg-type]

    return change


BROKEN: list[tuple[str, Callable[[Records], object]]] = [
    ("lost", lambda records: records.jobs.clear()),
    ("lost", lambda records: records.accepted.update(other="b")),
    ("lost", lambda records: records.ledger.append(Effect("b", 1, "begin"))),
    ("unasked", lambda records: records.asked.clear()),
    ("doubled", lambda records: records.jobs.append(replace(JOB, id="b"))),
    ("unfinished", _job(status="queued")),
    ("of the dead", _job(status="running", consumer="c")),
    ("wrong end", _job(status="failed")),
    ("wrong end", _job(failures=4, status="failed")),
    ("gap", lambda records: records.attempts.pop(0)),
    ("gap", lambda records: records.attempts.append(AttemptRow("a", 3, "lost"))),
    ("gap", _job(attempt=3, result_attempt=3)),
    ("overlap", lambda records: records.attempts.append(AttemptRow("a", 3, "lost", 3.5, 5.0))),
    ("wrong result", _job(result_attempt=1)),
    ("no effect", lambda records: records.ledger.pop()),
    ("ran twice", lambda records: records.ledger.append(Effect("a", 2, "begin"))),
    (
        "illegal",
        lambda records: records.changes.insert(0, Change("a", "queued", "succeeded", 0, 0)),
    ),
    ("illegal", lambda records: records.changes.insert(0, Change("a", "queued", "running", 0, 0))),
    (
        "finished twice",
        lambda records: records.changes.append(Change("a", "succeeded", "queued", 2, 2)),
    ),
    ("finished twice", lambda records: records.attempts.append(AttemptRow("a", 3, "succeeded"))),
    ("server error", lambda records: records.answers.append(Answer("GET", "jobs", 500, "2"))),
    ("server error", lambda records: records.answers.append(Answer("GET", "jobs", 502))),
    ("server error", lambda records: records.answers.append(Answer("GET", "jobs", 503))),
]


def test_good_records_have_no_violations() -> None:
    assert check(good()) == []


@pytest.mark.parametrize(("kind", "break_rule"), BROKEN)
def test_each_violation_is_named(kind: str, break_rule: Callable[[Records], object]) -> None:
    records = good()
    break_rule(records)
    assert kind in {violation.kind for violation in check(records)}


def test_a_retried_job_may_end_again() -> None:
    records = Records(
        accepted={"k": "a"},
        asked={"k"},
        retries=Counter(a=1),
        jobs=[replace(JOB, attempt=1, result_attempt=1)],
        attempts=[AttemptRow("a", 1, "succeeded", 3.0, 4.0)],
        changes=[
            Change("a", "queued", "cancelled", 0, 0),
            Change("a", "cancelled", "queued", 0, 0),
            Change("a", "queued", "running", 0, 1),
            Change("a", "running", "succeeded", 1, 1),
        ],
        ledger=[Effect("a", 1, "begin"), Effect("a", 1, "end")],
    )
    assert check(records) == []
    records.retries.clear()
    assert [violation.kind for violation in check(records)] == ["finished twice"]
