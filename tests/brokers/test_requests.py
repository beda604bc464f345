"""``manage.py consumers``: a running consumer is quiet, takes jobs again and stops by its row."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from jobs.models import Consumer
from tests.brokers.servers import Setup
from tests.consumers import Consumers, stored, wait_finished, wait_status
from tests.testapp import tasks
from tests.waiting import wait_until

SETUPS = [
    Setup("sqlite"),
    Setup("postgres", database="postgres"),
    Setup("redis", broker="redis"),
]
LEASE_SECONDS = "2"
"""A heartbeat, which reads the requests, comes ten times a lease."""

pytestmark = [
    pytest.mark.processes,
    pytest.mark.parametrize("setup", [each.parameter() for each in SETUPS], indirect=True),
]


def manage(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def heartbeats() -> int:
    return Consumer.objects.get().heartbeat


def test_it_is_quiet_takes_jobs_again_and_stops(consumers: Consumers, tmp_path: Path) -> None:
    consumer = consumers.start("--concurrency", "2", JOBS_LEASE_SECONDS=LEASE_SECONDS)
    running = tasks.hold.enqueue(str(tmp_path / "go"))
    wait_status(running.id, "running")

    manage("consumers", "quiet", "--all")
    wait_until(lambda: any("quiet:" in line for line in consumer.log), what="the request")
    waiting = tasks.square.enqueue(3)
    (tmp_path / "go").touch()
    manage("consumers", "quiet", "--all", "--wait", "30")

    assert stored(running.id).status == "succeeded", "what ran was finished"
    seen = heartbeats()
    wait_until(lambda: heartbeats() > seen + 5, what="a living consumer")
    assert stored(waiting.id).status == "queued"

    manage("consumers", "resume", str(Consumer.objects.get()))
    assert wait_finished(waiting.id).result == 9

    left = tasks.hold.enqueue(str(tmp_path / "stop"))
    wait_status(left.id, "running")
    manage("consumers", "stop", Consumer.objects.get().host)
    wait_until(lambda: any("stopping" in line for line in consumer.log), what="the drain")
    (tmp_path / "stop").touch()
    assert consumer.wait() == 0
    assert stored(left.id).status == "succeeded"
    assert not Consumer.objects.exists()
