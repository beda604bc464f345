"""Many jobs in one statement on PostgreSQL: rows that somebody has locked hold nobody up."""

from __future__ import annotations

import pytest

from jobs import lifecycle
from jobs.core.states import Status
from jobs.models import Job
from tests.brokers.servers import Setup
from tests.brokers.test_postgres_locks import in_time, somebody
from tests.factories import make_job, make_user

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize(
        "setup", [Setup("postgres", database="postgres").parameter()], indirect=True
    ),
]


def test_a_job_that_is_locked_is_left_out(setup: Setup) -> None:
    jobs = [make_job(), make_job(status=Status.SCHEDULED), make_job(status=Status.RUNNING)]
    locked = make_job()
    keys = [job.pk for job in (*jobs, locked)]
    with somebody(f"SELECT id FROM jobs_job WHERE id = '{locked.pk}' FOR UPDATE"):
        cancelled = in_time(lambda: lifecycle.cancel_waiting_jobs(keys, "ada"))
    assert set(cancelled) == {job.pk for job in jobs[:2]}
    assert Job.objects.get(pk=jobs[0].pk).error_message == "cancelled by ada"
    assert lifecycle.cancel_waiting_jobs(keys, "ada") == [locked.pk]


def test_jobs_are_requeued_by_owner(setup: Setup) -> None:
    users = [make_user(), make_user("bob")]
    jobs = [make_job(status=Status.FAILED, owner=user) for user in users for _ in range(2)]
    assert lifecycle.requeue_jobs([job.pk for job in jobs]) == {job.pk for job in jobs}
    order = Job.objects.waiting_in("default").values_list("owner__username", flat=True)
    assert list(order) == ["ada", "bob", "ada", "bob"]
