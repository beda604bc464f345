"""What tasks do to their database connections harms no later job: on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from django.contrib.auth.models import User
from django.db import connection

from tests.brokers.servers import Setup
from tests.consumers import Consumers, wait_finished
from tests.testapp import leaving

SETUPS = [Setup("sqlite"), Setup("postgres", database="postgres")]
POSTGRES = SETUPS[1:]
EXECUTORS = ["thread", "loop", "to_thread", "process"]
ADD: dict[str, Any] = {
    "thread": leaving.add,
    "loop": leaving.add_in_loop,
    "to_thread": leaving.add_in_to_thread,
    "process": leaving.add_in_process,
    "loop in a process": leaving.add_in_loop_in_process,
}

pytestmark = pytest.mark.processes


def over(setups: list[Setup]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("setup", [each.parameter() for each in setups], indirect=True)


@over(SETUPS)
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_transaction_left_open_fails_its_attempt_alone(
    consumers: Consumers, executor: str
) -> None:
    consumers.start("--concurrency", "1", TEST_CONN_MAX_AGE="600")
    leave_open = getattr(leaving, f"open_in_{executor}")
    for number, way in enumerate(get_args(leaving.Way)):
        job = wait_finished(leave_open.enqueue(way, f"lost-{number}").id)
        after = wait_finished(ADD[executor].enqueue(f"kept-{number}").id)

        assert job.status == "failed", way
        if way == "fails as well":
            assert (job.error_type, job.error_message) == ("ValueError", "of its own")
        else:
            assert job.error_type == "jobs.errors.TransactionLeftOpen"
            assert "without ending its transaction on default" in job.error_message
        assert (after.status, after.error_message) == ("succeeded", ""), way

    names = set(User.objects.values_list("username", flat=True))
    assert {f"kept-{number}" for number in range(5)} <= names
    assert not any(name.startswith("lost") for name in names)


@over(SETUPS)
def test_a_commit_by_hand_is_a_commit(consumers: Consumers) -> None:
    consumers.start("--concurrency", "1", TEST_CONN_MAX_AGE="600")
    for name in ("a", "b"):
        job = wait_finished(leaving.commit_by_hand.enqueue(name).id)
        assert (job.status, job.error_message) == ("succeeded", "")
    after = wait_finished(leaving.add.enqueue("c").id)

    assert after.status == "succeeded"
    assert set(User.objects.values_list("username", flat=True)) >= {"a", "b", "c"}


@over(POSTGRES)
@pytest.mark.parametrize("seconds", ["0", "600", "None"])
@pytest.mark.parametrize("executor", ADD)
def test_a_connection_that_the_server_ended_is_replaced(
    consumers: Consumers, executor: str, seconds: str
) -> None:
    consumers.start("--concurrency", "1", TEST_CONN_MAX_AGE=seconds, TEST_CONN_HEALTH_CHECKS="0")
    before = wait_finished(ADD[executor].enqueue("before").id)
    assert before.status == "succeeded"

    end_connections(before.result)
    jobs = [wait_finished(ADD[executor].enqueue(f"after-{number}").id) for number in range(3)]

    # Without health checks a kept connection is found out by the first statement on it.
    assert [job.status for job in jobs[1:]] == ["succeeded"] * 2, [
        job.error_message for job in jobs
    ]
    assert jobs[0].status == "succeeded" or seconds != "0", jobs[0].error_message


@over(POSTGRES)
@pytest.mark.parametrize("executor", ["thread", "loop", "to_thread", "process"])
def test_with_health_checks_no_job_notices(consumers: Consumers, executor: str) -> None:
    consumers.start("--concurrency", "1")
    before = wait_finished(ADD[executor].enqueue("before").id)
    end_connections(before.result)

    job = wait_finished(ADD[executor].enqueue("after").id)

    assert (job.status, job.error_message) == ("succeeded", "")


@over(POSTGRES)
@pytest.mark.parametrize("executor", ["thread", "loop"])
def test_a_connection_is_kept_for_the_next_job(consumers: Consumers, executor: str) -> None:
    consumers.start("--concurrency", "1", TEST_CONN_MAX_AGE="600")
    served_by = [wait_finished(ADD[executor].enqueue(f"u{n}").id).result for n in range(3)]

    assert len(set(served_by)) == 1


def end_connections(process: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [process])
