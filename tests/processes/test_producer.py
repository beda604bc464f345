"""An endless producer and eight consumers that compute: it is told to wait, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from django.db import connections
from django.db.models import QuerySet

from jobs.core.states import AttemptOutcome, Status
from jobs.models import Attempt, Consumer, Job, Token
from tests.consumers import ConsumerHandle, Consumers
from tests.factories import make_user
from tests.processes.programs import SiteProgram
from tests.waiting import wait_until

pytestmark = pytest.mark.processes
CONSUMERS = 8
OPTIONS = ("--processes", str(CONSUMERS), "--concurrency", "1")
BACKLOG = 24
REFUSALS = 3
BRANCHING = {23: 28657, 24: 46368, 25: 75025, 26: 121393, 27: 196418}
"""Some 30 ms each: one who submits is quicker than eight who compute."""


class Producer(threading.Thread):
    """Submits job after job until it is stopped, and waits as it is told.

    ``accepted`` has each job and its number. A number that was refused is sent again.
    """

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self.accepted: list[tuple[str, int]] = []
        self.refused = 0
        self.fault: Exception | None = None
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}"}
        self._is_stopped = threading.Event()

    def run(self) -> None:
        """Go on until it is stopped."""
        try:
            while not self._is_stopped.is_set():
                self._wait(self.submit(len(self.accepted)))
        except Exception as error:  # noqa: BLE001  (raised where it is waited for)
            self.fault = error
        finally:
            self._connection.close()

    def wait_for(self, condition: Callable[[Producer], bool]) -> None:
        """Wait until it has come so far."""
        wait_until(
            lambda: condition(self) or self.fault, what=f"a {type(self).__name__} to come so far"
        )
        assert self.fault is None

    def stop(self) -> None:
        """End it after the submission that is under way."""
        self._is_stopped.set()
        self.join(60)

    def submit(self, number: int) -> int:
        """Submit this number, perhaps the next ones too; return how long to wait."""
        response = self.post("/api/v1/jobs", json.dumps(_job(number)), "application/json")
        answer = json.load(response)
        if response.status == 429:
            assert 'backlog";r=0' in response.headers["RateLimit"]
            return int(response.headers["Retry-After"])
        assert response.status == 202, answer
        self.accepted.append((answer["id"], _argument(number)))
        return 0

    def post(self, path: str, body: str, media_type: str) -> HTTPResponse:
        """Send a request."""
        self._connection.request("POST", path, body, {**self._headers, "Content-Type": media_type})
        return self._connection.getresponse()

    def _wait(self, seconds: int) -> None:
        self.refused += seconds > 0
        self._is_stopped.wait(seconds)


class BulkProducer(Producer):
    """Submits a hundred in each request."""

    def submit(self, number: int) -> int:
        """Submit this number and the next ones; return how long to wait."""
        lines = "".join(json.dumps(_job(number + n)) + "\n" for n in range(100))
        first = number + 1
        response = self.post(f"/api/v1/jobs/bulk?first_line={first}", lines, "application/x-ndjson")
        assert response.status == 200, response.read()
        wait = 0
        for answer in map(json.loads, response):
            if "id" in answer:
                assert not wait, "what comes after a refused line is refused"
                self.accepted.append((answer["id"], _argument(len(self.accepted))))
            else:
                problem = answer["problem"]
                assert problem["status"] == 429, problem
                assert problem["resume_from"] == len(self.accepted) + 1
                wait = problem["retry_after"]
        return wait


def _argument(number: int) -> int:
    return list(BRANCHING)[number % len(BRANCHING)]


def _job(number: int) -> dict[str, object]:
    return {"task": "testapp.branching", "args": {"n": _argument(number)}}


class Watcher(threading.Thread):
    """Looks at the rows all the time: how many jobs wait at most."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0
        self._is_stopped = threading.Event()

    def run(self) -> None:
        """Look until it is stopped."""
        waiting = Job.objects.filter(status__in=[Status.QUEUED, Status.SCHEDULED])
        try:
            while not self._is_stopped.wait(0.002):
                self.largest = max(self.largest, waiting.count())
        finally:
            connections.close_all()

    def stop(self) -> None:
        """End it."""
        self._is_stopped.set()
        self.join(60)


T = TypeVar("T", Producer, BulkProducer, Watcher)


@contextmanager
def running(thread: T) -> Iterator[T]:
    """A thread that is stopped in the end, whatever happens."""
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()


def kill_one_that_computes() -> None:
    """End a consumer by kill -9 while it runs a job."""
    kill = getattr(signal, "SIGKILL", signal.SIGTERM)
    known = _lost().count()

    def killed() -> bool:
        job = Job.objects.filter(status=Status.RUNNING).last()
        if job is None or job.consumer_id is None:
            return False
        victim = Consumer.objects.get(pk=job.consumer_id)
        os.kill(victim.pid, kill)
        # It may have ended its job at the last moment; then it is another one's turn.
        return (
            Job.objects.filter(status=Status.RUNNING, consumer_id=victim.pk).exists()
            or _lost().count() > known
        )

    wait_until(killed, what="a consumer that computes")


def _lost() -> QuerySet[Attempt]:
    return Attempt.objects.filter(outcome=AttemptOutcome.LOST)


def test_a_producer_waits_as_it_is_told_and_loses_nothing(
    consumers: Consumers, tmp_path: Path
) -> None:
    """By single submissions first, then by bulks."""
    _, token = Token.objects.issue(make_user())
    limits = {"JOBS_USER_MAX_PER_MINUTE": "0", "JOBS_USER_MAX_UNFINISHED": "0"}
    accepted: list[tuple[str, int]] = []
    consumer: ConsumerHandle | None = None
    with (
        SiteProgram(consumers, tmp_path, JOBS_MAX_BACKLOG=str(BACKLOG), **limits) as site,
        running(Watcher()) as watcher,
    ):
        site.start()
        for kind in (Producer, BulkProducer):
            with running(kind(site.url, token)) as producer:
                producer.wait_for(lambda one: one.refused > 0)
                consumer = consumer or consumers.start(*OPTIONS, ready=CONSUMERS)
                kill_one_that_computes()
                # Refused and accepted by turns.
                producer.wait_for(
                    lambda one: one.refused >= REFUSALS and len(one.accepted) > 2 * BACKLOG
                )
            accepted += producer.accepted
            wait_until(_all_have_succeeded, what="every job to succeed")
        assert site.interrupt() == 0
    assert consumer is not None
    assert consumer.process.poll() is None

    succeeded = Attempt.objects.filter(outcome=AttemptOutcome.SUCCEEDED)
    assert succeeded.count() == len(accepted), "each succeeded once"
    # What a consumer had claimed when it was killed, or has handed back, waits again.
    others = Attempt.objects.exclude(pk__in=succeeded).values_list("outcome", flat=True)
    assert set(others) <= {AttemptOutcome.LOST, AttemptOutcome.RELEASED}
    assert BACKLOG <= watcher.largest <= BACKLOG + len(others)
    assert {
        str(key): (args["n"], result)
        for key, args, result in Job.objects.values_list("id", "kwargs", "result")
    } == {key: (n, BRANCHING[n]) for key, n in accepted}


def _all_have_succeeded() -> bool:
    return not Job.objects.exclude(status=Status.SUCCEEDED).exists()
