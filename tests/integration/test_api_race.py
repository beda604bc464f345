"""Many requests at once, each in a thread with a connection of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from jobs.models import Job
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 8


def at_once(api: Api, send: Callable[[Client], Any]) -> list[Any]:
    """Send the same from many threads that start together; return the responses."""
    start = Barrier(MANY)

    def run(_: int) -> Any:
        client = Client(headers={"Authorization": f"Bearer {api.token}"})
        start.wait(30)
        try:
            return send(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(run, range(MANY)))


@pytest.mark.parametrize(
    ("members", "headers"),
    [({}, {"Idempotency-Key": "one"}), ({"unique_key": "one"}, {})],
)
def test_of_equal_requests_one_makes_a_job_and_all_get_it(
    api: Api, members: dict[str, str], headers: dict[str, str]
) -> None:
    body = {"task": ADD, "args": {"n": 7}, **members}
    responses = at_once(
        api, lambda client: client.post(JOBS, body, "application/json", headers=headers)
    )
    assert Counter(response.status_code for response in responses) == {202: 1, 200: MANY - 1}
    assert {response.json()["id"] for response in responses} == {str(Job.objects.get().pk)}
    replays = sum(response.headers.get("Idempotency-Replayed") == "true" for response in responses)
    assert replays == (MANY - 1 if headers else 0)


def test_a_job_is_cancelled_and_run_again_by_one_of_many(api: Api) -> None:
    links = api.submit(ADD, args={"n": 7}).json()["links"]
    responses = at_once(api, lambda client: client.post(links["cancel"]))
    assert {response.status_code for response in responses} == {200}
    responses = at_once(api, lambda client: client.post(links["retry"]))
    assert Counter(response.status_code for response in responses) == {202: 1, 409: MANY - 1}


def test_of_changes_to_one_version_one_is_made(api: Api) -> None:
    """A waiting job is cancelled as often as one likes, but only once from this version on."""
    shown = api.submit(ADD, args={"n": 7})
    links = shown.json()["links"]
    seen = {"If-Match": api.get(links["self"]).headers["ETag"]}
    responses = at_once(api, lambda client: client.post(links["cancel"], headers=seen))
    assert Counter(response.status_code for response in responses) == {200: 1, 412: MANY - 1}
    (done,) = (one for one in responses if one.status_code == 200)
    seen = {"If-Match": done.headers["ETag"]}
    responses = at_once(api, lambda client: client.post(links["retry"], headers=seen))
    assert Counter(response.status_code for response in responses) == {202: 1, 412: MANY - 1}
