"""No response repeats all that a request brought."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from django.test import Client

from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD

LONG: Final = "x" * 100_000
MOST: Final = 4_000

BODIES: Final[dict[str, Any]] = {
    "task": {"task": LONG, "args": {}},
    "queue": {"task": ADD, "args": {"n": 1}, "queue": LONG},
    "member": {"task": ADD, "args": {"n": 1}, LONG: 1},
    "argument": {"task": ADD, "args": {"n": 1, LONG: 1}},
    "value": {"task": ADD, "args": {"n": LONG}},
    "time": {"task": ADD, "args": {"n": 1}, "run_after": LONG},
    "unique key": {"task": ADD, "args": {"n": 1}, "unique_key": LONG},
    "not a type": {"task": [LONG], "args": LONG},
    "number": {"task": ADD, "args": {"n": 1}, "priority": LONG},
}


@pytest.mark.parametrize("what", BODIES)
def test_a_submission_that_is_refused(api: Api, what: str) -> None:
    response = api.post(JOBS, BODIES[what])
    assert 400 <= response.status_code < 500
    assert len(response.content) < MOST
    assert json.loads(response.content)["detail"]


@pytest.mark.parametrize(
    "path",
    [
        f"{JOBS}?status={LONG[:9000]}",
        f"{JOBS}?cursor={LONG[:9000]}",
        f"{JOBS}?limit={LONG[:9000]}",
        f"{JOBS}?{LONG[:9000]}=1",
        f"/api/v1/tasks/{LONG[:9000]}",
        f"{JOBS}/{LONG[:9000]}",
    ],
    ids=["status", "cursor", "limit", "name", "task", "job"],
)
def test_an_address_that_is_wrong(api: Api, path: str) -> None:
    response = api.get(path)
    assert response.status_code < 500
    assert len(response.content) < MOST


def test_the_page_of_a_task_that_is_not_there(page: Client) -> None:
    answer = page.get(f"/tasks/{LONG[:9000]}/")
    assert answer.status_code == 404
    assert "x" * 200 not in answer.content.decode()
