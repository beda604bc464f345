"""An endless producer and eight consumers that compute: it is told to wait, nothing is lost."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from jobs.core.states import Status
from jobs.lifecycle import room
from jobs.models import Attempt, Job, Token
from jobs.submission.backlog import forget_counts
from tests.consumers import Consumers
from tests.factories import make_user
from tests.waiting import wait_until

pytestmark = pytest.mark.processes
CONSUMERS = 8
BACKLOG = 24
REFUSALS = 2
BRANCHING = (0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89)


def test_a_producer_waits_as_it_is_told_and_loses_nothing(
    consumers: Consumers, settings: Any
) -> None:
    settings.JOBS = {**settings.JOBS, "MAX_BACKLOG": BACKLOG}
    forget_counts()
    consumer = consumers.launch("--processes", str(CONSUMERS), "--concurrency", "1")
    _, token = Token.objects.issue(make_user())
    client = Client(headers={"Authorization": f"Bearer {token}"})

    numbers = iter(range(100_000))  # endless, for all that this test waits
    number, accepted, refused, largest = next(numbers), list[str](), 0, 0
    while refused < REFUSALS or len(accepted) < 2 * BACKLOG:
        body = {"task": "testapp.branching", "args": {"n": number % 12}}
        response = client.post("/api/v1/jobs", body, "application/json")
        largest = max(largest, room.waiting_jobs("default", 10 * BACKLOG))
        if response.status_code == 429:
            refused += 1
            assert 'backlog";r=0' in response.headers["RateLimit"]
            time.sleep(int(response.headers["Retry-After"]))  # as it is told
            continue  # with the same number
        assert response.status_code == 202
        accepted.append(response.json()["id"])
        number = next(numbers)

    assert largest <= BACKLOG
    wait_until(
        lambda: Job.objects.filter(status=Status.SUCCEEDED).count() == len(accepted),
        what="every job to succeed",
    )
    results = Job.objects.order_by("id").values_list("id", "result")
    assert [(str(key), result) for key, result in results] == [
        (key, BRANCHING[n % 12]) for n, key in enumerate(accepted)
    ]
    assert Attempt.objects.count() == len(accepted), "each ran once"
    assert consumer.process.poll() is None
