"""The limit of a queue and of a user, with processes that flood them; bulks over both databases."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.models import Job, Token
from jobs.submission.backlog import forget_counts
from tests.brokers.servers import Setup
from tests.consumers import ROOT, Consumers
from tests.factories import make_job, make_user

SETUPS = [Setup("sqlite"), Setup("postgres", database="postgres")]
PROCESSES = 4
LIMIT = 60

pytestmark = [
    pytest.mark.processes,
    pytest.mark.parametrize("setup", [each.parameter() for each in SETUPS], indirect=True),
]

FLOOD = """
import sys
import django
django.setup()
from django.contrib.auth.models import User
from jobs.errors import LimitReached
from jobs.submission import SubmitOptions, submit_job
owner = User.objects.get()
print("ready", flush=True)
sys.stdin.readline()
refused = accepted = 0
while refused < 3:
    try:
        submit_job("testapp.square", {"n": 1}, owner=owner, enforce_limits=True,
            options=SubmitOptions(queue=sys.argv[1]))
        accepted += 1
    except LimitReached as error:
        refused += 1
print(accepted, flush=True)
"""


@pytest.mark.parametrize(
    "limited", [{"JOBS_MAX_BACKLOG": str(LIMIT)}, {"JOBS_USER_MAX_UNFINISHED": str(LIMIT)}], ids=str
)
def test_processes_that_flood_a_queue_keep_to_its_limit(
    consumers: Consumers, limited: dict[str, str]
) -> None:
    make_user()
    floods = [
        subprocess.Popen(
            [sys.executable, "-c", FLOOD, "default"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=consumers.environment(**limited),
            cwd=ROOT,
        )
        for _ in range(PROCESSES)
    ]
    try:
        for one in floods:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in floods:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        accepted = [int(one.communicate(timeout=60)[0]) for one in floods]
    finally:
        for one in floods:
            one.kill()
            one.communicate()
    assert sum(accepted) == Job.objects.count()
    # One each may be under way while another one counts.
    assert LIMIT <= sum(accepted) <= LIMIT + 2 * PROCESSES


def _bulk(user: User, lines: list[dict[str, Any]], query: str = "") -> list[dict[str, Any]]:
    _, token = Token.objects.issue(user)
    response: Any = Client(headers={"Authorization": f"Bearer {token}"}).post(
        f"/api/v1/jobs/bulk{query}",
        "\n".join(map(json.dumps, lines)),
        "application/x-ndjson",
        headers={"Idempotency-Key": "k"},
    )
    return [json.loads(one) for one in b"".join(response.streaming_content).splitlines()]


def test_a_bulk_is_recorded_once_with_its_keys(setup: Setup) -> None:
    forget_counts()
    user = make_user()
    taken = make_job(queue="other")
    words = ["é", '"', "a\\b", "%s", "?", "é", "x"]
    lines: list[dict[str, Any]] = [
        {"task": "testapp.square", "args": {"n": n}, "unique_key": word}
        for n, word in enumerate(words)
    ]
    first = _bulk(user, lines)
    assert [one["id"] == first[0]["id"] for one in first] == [n in {0, 5} for n in range(7)]
    again = _bulk(user, [*lines, {"task": "testapp.square", "args": {"n": 9}}], "?atomic=1")
    assert [one["id"] for one in again[:7]] == [one["id"] for one in first]
    assert [one.get("created", True) for one in again] == [False] * 7 + [True]
    found = Job.objects.exclude(pk=taken.pk).order_by("id")
    assert [job.unique_key for job in found] == [*words[:5], "x", ""]
    assert [job.kwargs["n"] for job in found] == [0, 1, 2, 3, 4, 6, 9]
