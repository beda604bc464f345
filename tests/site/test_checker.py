"""The checker of a site: good records have no violations, each violation is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import Answer
from tests.chaos.tasks import log_line
from tests.chaos.test_checker import JOB, good
from tests.site.checker import Site, StoredFile, TaskLog, check_site

SENT = b"what was sent"


def _file(found: bytes | None) -> Callable[[Site], object]:
    return lambda site: site.files.append(StoredFile(JOB.id, SENT, found))


def _log(*lines: str) -> Callable[[Site], object]:
    text = "".join(f"12:00:00 {line}\n" for line in lines)
    return lambda site: site.logs.append(TaskLog(JOB.id, 2, 3, text))


def _ended(status: str) -> Callable[[Site], object]:
    def change(site: Site) -> None:
        site.records.jobs[0] = replace(JOB, status=status)

    return change


ZERO, ONE, TWO = (log_line(2, number) for number in range(3))
BROKEN: list[tuple[str, Callable[[Site], object]]] = [
    # Of a commit that was not on the standby when the primary died, only the answer is left.
    ("lost", lambda site: site.records.accepted.update(other="b")),
    ("wrong end", _ended("failed")),
    ("wrong end", _ended("cancelled")),
    ("wrong end", lambda site: site.tasks.update({JOB.id: "fail"})),
    ("unanswered", lambda site: site.records.answers.append(Answer("POST", "uploads"))),
    ("server error", lambda site: site.records.answers.append(Answer("POST", "uploads", 500))),
    ("server error", lambda site: site.records.answers.append(Answer("POST", "jobs", 504))),
    ("server error", lambda site: site.records.answers.append(Answer("POST", "jobs", 503))),
    ("lost file", _file(None)),
    ("wrong file", _file(b"")),
    ("wrong file", _file(SENT + b"!")),
    ("torn log", _log()),
    ("torn log", _log(ZERO, TWO)),
    ("torn log", _log(ZERO, TWO, ONE)),
    ("torn log", _log(ZERO, ONE, TWO, TWO)),
    ("torn log", _log(*(log_line(1, number) for number in range(3)))),
]


@pytest.fixture
def site() -> Site:
    """One job that has copied a file and written a log, in its second attempt."""
    lines = [log_line(1, 0), *(log_line(2, number) for number in range(3))]
    text = "".join(f"12:00:00 {line}\n" for line in lines)
    records = good()
    # Where a proxy is before the site, each request is answered.
    records.answers = [answer for answer in records.answers if answer.status]
    return Site(
        records=records,
        tasks={JOB.id: "copy"},
        files=[StoredFile(JOB.id, SENT, SENT)],
        logs=[TaskLog(JOB.id, 2, 3, text)],
    )


def test_a_good_site_has_no_violations(site: Site) -> None:
    assert check_site(site) == []


@pytest.mark.parametrize(("kind", "break_rule"), BROKEN)
def test_each_violation_is_named(
    site: Site, kind: str, break_rule: Callable[[Site], object]
) -> None:
    break_rule(site)
    assert kind in {violation.kind for violation in check_site(site)}


def test_a_job_may_be_cancelled_when_someone_asked(site: Site) -> None:
    _ended("cancelled")(site)
    before = len(check_site(site))
    site.cancels.add(JOB.id)
    assert len(check_site(site)) == before - 1
