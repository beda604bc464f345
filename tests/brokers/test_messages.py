"""Programs in other languages submit jobs by a message, and bad messages stop nobody."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from jobs import brokers
from jobs.core.uuid7 import uuid7
from jobs.models import Job, QuarantinedMessage
from tests.brokers.producers import Send, sender_of
from tests.brokers.servers import Setup
from tests.consumers import ConsumerHandle, Consumers, wait_finished
from tests.testapp import tasks
from tests.waiting import wait_until

SETUPS = [
    Setup("redis", broker="redis"),
    Setup("kafka", broker="kafka"),
    Setup("rabbitmq", broker="rabbitmq"),
    Setup("redis-postgres", broker="redis", database="postgres"),
    Setup("kafka-postgres", broker="kafka", database="postgres"),
]
pytestmark = [
    pytest.mark.processes,
    pytest.mark.parametrize("setup", [each.parameter() for each in SETUPS], indirect=True),
]
HERE = Path(__file__).resolve().parent
HUGE = 10_000_000
HUGE_ONES = 30
Start = Callable[[], ConsumerHandle]


@pytest.fixture
def send(setup: Setup) -> Send:
    """Put raw bytes where a producer puts them, on the queue ``default``."""
    return sender_of(setup.broker_url())


@pytest.fixture
def start(consumers: Consumers) -> Start:
    """Start a consumer that learns of jobs by messages alone."""
    User.objects.create_user("ada")
    return lambda: consumers.start(JOBS_SWEEP_SECONDS="3600", JOBS_FOREIGN_OWNER="ada")


def _message(**changes: Any) -> bytes:
    value = {"job_id": str(uuid7()), "task": "testapp.square", "args": {"n": 7}, **changes}
    return json.dumps(value).encode()


def _wait_job(job_id: str) -> Job:
    wait_until(lambda: Job.objects.filter(pk=job_id).exists(), what="the job to be stored")
    return wait_finished(job_id)


def _reasons() -> list[str]:
    return list(QuarantinedMessage.objects.order_by("id").values_list("reason", flat=True))


def test_a_foreign_message_becomes_a_job(start: Start, send: Send) -> None:
    job_id = str(uuid7())
    start()

    send(_message(job_id=job_id))

    job = _wait_job(job_id)
    assert (job.result, job.queue, job.attempt) == (49, "default", 1)
    assert job.owner is not None
    assert job.owner.get_username() == "ada"
    assert _reasons() == []


def test_a_second_message_with_the_same_id_changes_nothing(start: Start, send: Send) -> None:
    job_id = str(uuid7())
    start()
    for n in range(4):
        send(_message(job_id=job_id, args={"n": n}))
    send(_message(job_id=job_id, task="no.such.task", args={"n": "rubbish"}))
    after = str(uuid7())
    send(_message(job_id=after))

    _wait_job(after)

    assert [str(job.id) for job in Job.objects.order_by("id")] == sorted([job_id, after])
    assert _wait_job(job_id).result == 0
    assert _reasons() == []


def _bad_messages() -> list[tuple[bytes, str]]:
    old = uuid.UUID(int=uuid7().int - (int(timedelta(days=31).total_seconds() * 1000) << 80))
    future = uuid.UUID(int=uuid7().int + (int(timedelta(days=1).total_seconds() * 1000) << 80))
    marked = {"extra": {"can_not_json_serializable_keys": ["args"]}, "args": "gASVAAAA"}
    return [
        (b"", "it is no JSON"),
        (b"hello", "it is no JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"x" * (1024**2 + 1), "over the limit"),
        (b"[1]", "no JSON object"),
        (_message(task="testapp.sqare"), "There is no task named 'testapp.sqare'"),
        (_message(task="tests.testapp.tasks.plain", args={"a": 1}), "There is no task named"),
        (_message(args={"n": "seven"}), "The arguments do not fit"),
        (_message(args={"n": 7, "m": 8}), "The arguments do not fit"),
        (_message(job_id=str(uuid.uuid4())), "no UUID of version 7"),
        (_message(job_id=str(old)), "older than jobs are kept"),
        (_message(job_id=str(future)), "made in the future"),
        (_message(**marked), "unknown keys: extra"),
        (_message(priority=100), "unknown keys: priority"),
    ]


def test_bad_messages_are_quarantined_and_the_next_job_runs(start: Start, send: Send) -> None:
    bad = _bad_messages()
    for body, _ in bad:
        send(body)
    last = str(uuid7())
    send(_message(job_id=last))
    start()

    assert _wait_job(last).result == 49

    assert Job.objects.count() == 1
    for told, (_, expected) in zip(_reasons(), bad, strict=True):
        assert expected in told
    assert max(len(one.body) for one in QuarantinedMessage.objects.all()) < 20_000


def test_bodies_of_ten_megabytes_are_quarantined_one_by_one(start: Start, send: Send) -> None:
    for _ in range(HUGE_ONES):
        send(_message(args={"n": "7" * HUGE}))
    last = str(uuid7())
    send(_message(job_id=last))
    consumer = start()

    assert _wait_job(last).result == 49

    assert len(_reasons()) == HUGE_ONES
    for one in QuarantinedMessage.objects.all():
        assert "bytes are over the limit of 1,048,576" in one.reason
        assert one.body.startswith('{"job_id"')
        assert len(one.body) < 20_000
    if platform.system() == "Linux":
        assert _most_memory(consumer) < HUGE * HUGE_ONES  # they were never all in it


def _most_memory(consumer: ConsumerHandle) -> int:
    """The most that a process had at once, in bytes."""
    told = Path(f"/proc/{consumer.pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in told.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_without_an_owner_no_foreign_job_is_stored(consumers: Consumers, send: Send) -> None:
    consumers.start(JOBS_SWEEP_SECONDS="3600")
    send(_message())
    wait_until(_reasons)
    assert "JOBS_FOREIGN_OWNER" in _reasons()[0]
    assert not Job.objects.exists()
    assert wait_finished(tasks.square.enqueue(3).id).result == 9


def test_a_full_queue_holds_messages_back(consumers: Consumers, send: Send) -> None:
    User.objects.create_user("ada")
    later = timezone.now() + timedelta(hours=1)
    assert tasks.square.using(run_after=later).enqueue(1)
    ids = [str(uuid7()) for _ in range(3)]
    for job_id in ids:
        send(_message(job_id=job_id))
    consumers.start(
        "--concurrency",
        "1",
        JOBS_FOREIGN_OWNER="ada",
        JOBS_MAX_BACKLOG="2",  # of which the scheduled job has one
        JOBS_SWEEP_SECONDS="0.5",
    )
    assert [_wait_job(job_id).result for job_id in ids] == [49, 49, 49]
    assert _reasons() == []


def test_a_message_of_a_node_program_becomes_a_job(setup: Setup, start: Start) -> None:
    node = shutil.which("node")
    if setup.broker != "redis":
        return  # the program speaks to Redis
    if node is None:
        pytest.skip("Node.js is not installed")
    start()
    job_id = str(uuid7())
    command = [
        node,
        str(HERE / "producer.mjs"),
        setup.broker_url(),
        _message(job_id=job_id).decode(),
    ]

    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.strip()
    assert _wait_job(job_id).result == 49


def test_an_enqueued_job_is_sent_by_its_id_alone(setup: Setup, start: Start) -> None:
    start()
    result = tasks.square.enqueue(6)
    brokers.get_broker().flush(5)
    assert wait_finished(result.id).result == 36
    assert _reasons() == []
