"""``jobs.enqueue_many``: jobs of different tasks, in one go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import jobs
from jobs.core.states import Status
from jobs.errors import InvalidArguments, UnknownTask
from jobs.models import Job
from tests.testapp.tasks import square

pytestmark = pytest.mark.django_db


def test_jobs_of_different_tasks_and_options_keep_their_order() -> None:
    later = square.using(run_after=timezone.now() + timedelta(days=1))
    urgent = square.using(priority=9)
    ids = jobs.enqueue_many(
        [(square, {"n": 1}), (later, {"n": 2}), ("testapp.square", {"n": 3}), (urgent, {"n": 4})]
    )
    found = [Job.objects.get(pk=key) for key in ids]
    assert [job.kwargs["n"] for job in found] == [1, 2, 3, 4]
    assert ids == sorted(ids)
    assert [job.status for job in found] == [
        Status.QUEUED,
        Status.SCHEDULED,
        Status.QUEUED,
        Status.QUEUED,
    ]
    assert [job.priority for job in found] == [0, 0, 0, 9]


def test_one_that_does_not_fit_keeps_all_out() -> None:
    with pytest.raises(InvalidArguments) as caught:
        jobs.enqueue_many([(square, {"n": 1}), (square, {"n": "x"})])
    assert caught.value.errors[0]["pointer"] == "/1/n"
    with pytest.raises(UnknownTask):
        jobs.enqueue_many([(square, {"n": 1}), ("testapp.cube", {"n": 1})])
    assert not Job.objects.exists()


def test_a_unique_key_leads_to_the_job_that_is_there() -> None:
    task = square.options(unique_key="once")
    ids = jobs.enqueue_many([(task, {"n": 1}), (task, {"n": 2}), (square, {"n": 3})])
    assert ids[0] == ids[1] != ids[2]
    assert Job.objects.count() == 2


def test_a_thousand_jobs_are_one_statement_and_none_is_none() -> None:
    with CaptureQueriesContext(connection) as queries:
        assert jobs.enqueue_many([]) == []
    assert not queries
    with CaptureQueriesContext(connection) as queries:
        jobs.enqueue_many((square, {"n": n}) for n in range(1000))
    assert len([one for one in queries if "SAVEPOINT" not in one["sql"]]) == 2
    assert Job.objects.count() == 1000
