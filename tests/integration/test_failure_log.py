"""A failed attempt is one record for whoever listens to ``logging``, with its exception."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.compat import FRAMEWORK_LOGGER
from jobs.consumer.failure_log import log_failure_once
from jobs.core.states import AttemptOutcome
from jobs.errors import InvalidArguments
from jobs.lifecycle import Outcome
from jobs.models import Job
from jobs.submission import cancel_job
from jobs.testing import drain
from tests.claims import make_claim
from tests.testapp import tasks

pytestmark = pytest.mark.django_db


class Keeper(logging.Handler):
    """Keeps the records that it gets."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[Any] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def at_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What a handler of the root logger gets, while the framework's own logger is enabled."""
    monkeypatch.setattr(FRAMEWORK_LOGGER, "level", logging.DEBUG)
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]
    yield from _kept(logging.getLogger())
    logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]


@pytest.fixture
def at_framework(at_root: list[Any]) -> Iterator[list[Any]]:
    """What a handler of the framework's logger gets, as Django's that mails to ADMINS."""
    yield from _kept(FRAMEWORK_LOGGER)


def _kept(logger: logging.Logger) -> Iterator[list[Any]]:
    keeper = Keeper()
    logger.addHandler(keeper)
    yield keeper.records
    logger.removeHandler(keeper)


def run(result: Any) -> Job:
    drain()
    return Job.objects.get(pk=result.id)


def test_the_last_failure_is_an_error(at_root: list[Any]) -> None:
    job = run(tasks.raise_inner.enqueue())

    (record,) = at_root
    assert (record.name, record.levelname) == ("jobs", "ERROR")
    assert (record.task, record.job_id) == ("testapp.raise_inner", str(job.id))
    assert (record.attempt, record.queue) == (1, "default")
    assert str(job.id) in record.getMessage()
    kind, error, frames = record.exc_info
    assert (kind, str(error)) == (tasks.Shelf.Empty, "nothing is on the shelf")
    assert frames.tb_frame.f_code.co_name == "raise_inner", "no frame of ours comes first"


def test_one_that_is_tried_again_is_a_warning(at_root: list[Any], tmp_path: Path) -> None:
    run(tasks.fail.options(max_attempts=2).enqueue(9, str(tmp_path / "count")))
    drain(with_retries=True)
    assert [(one.levelname, one.attempt) for one in at_root] == [("WARNING", 1), ("ERROR", 2)]
    assert "it is tried again" in at_root[0].getMessage()


def test_a_failure_without_an_exception_gets_one(at_root: list[Any]) -> None:
    run(tasks.no_json.enqueue())
    (record,) = at_root
    assert record.exc_info[0] is TypeError
    assert "JSON" in str(record.exc_info[1])


def test_arguments_that_no_longer_fit_are_an_error(at_root: list[Any]) -> None:
    result = tasks.square.enqueue(7)
    Job.objects.update(kwargs={"m": 7})
    run(result)
    (record,) = at_root
    assert record.exc_info[0] is InvalidArguments


def test_a_value_that_the_database_refuses_is_an_error(
    at_root: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(outcomes: Any) -> Any:
        if any(one.result == 49 for one in outcomes):
            raise ValueError("no such value")
        return prepare(outcomes)

    from jobs import lifecycle

    prepare = lifecycle.prepare_outcomes
    monkeypatch.setattr(lifecycle, "prepare_outcomes", refuse)
    run(tasks.square.enqueue(7))
    (record,) = at_root
    assert (record.levelname, record.job_id != "") == ("ERROR", True)
    assert "refuses the result" in str(record.exc_info[1])


def test_a_success_and_a_cancel_are_none(at_root: list[Any], at_framework: list[Any]) -> None:
    run(tasks.square.enqueue(7))
    job = Job.objects.get(pk=tasks.square.enqueue(7).id)
    cancel_job(job.pk, "ada")
    drain()
    assert (at_root, at_framework) == ([], [])


def test_a_handler_that_gets_none_of_ours_gets_that_of_the_framework(
    at_root: list[Any], at_framework: list[Any]
) -> None:
    job = run(tasks.raise_inner.enqueue())

    assert [record.name for record in at_root] == ["jobs"]
    (record,) = at_framework
    assert record.name == FRAMEWORK_LOGGER.name
    assert str(job.id) in record.getMessage()
    assert record.exc_info[0] is tasks.Shelf.Empty


def test_where_ours_is_switched_off_the_framework_logs_as_ever(
    at_root: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    logging.getLogger("jobs").setLevel(logging.CRITICAL)
    try:
        run(tasks.raise_inner.enqueue())
    finally:
        logging.getLogger("jobs").setLevel(logging.INFO)
    assert [record.name for record in at_root] == [FRAMEWORK_LOGGER.name]


def test_a_failure_is_logged_once_however_often_that_is_asked_for(at_root: list[Any]) -> None:
    """The signal of its end is tried again after an outage, and asks again."""
    claim = make_claim(max_attempts=1)
    outcome = Outcome(claim=claim, outcome=AttemptOutcome.FAILED, error_type="ValueError")
    for _ in range(2):
        log_failure_once(outcome)
    assert len(at_root) == 1
