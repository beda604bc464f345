"""Web on one machine, consumers on two others; one is cut off from the network and comes back."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.brokers.kafka_server import KafkaServer
from tests.brokers.postgres_server import PostgresServer
from tests.brokers.redis_server import RedisServer
from tests.brokers.servers import Setup
from tests.chaos.databases import Postgres
from tests.chaos.machines import MACHINES, Machines
from tests.consumers import ConsumerHandle
from tests.network import Network, why_not
from tests.waiting import wait_until

SETUPS = [
    Setup("redis", broker="redis", database="postgres"),
    Setup("kafka", broker="kafka", database="postgres"),
]
SERVERS = {"redis": RedisServer, "kafka": KafkaServer}
pytestmark = [
    pytest.mark.processes,
    pytest.mark.machines,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.parametrize("machines", [each.parameter() for each in SETUPS], indirect=True),
]


@dataclass(frozen=True, slots=True)
class Held:
    """A job that ends once a file is there."""

    id: str
    go: Path


@pytest.fixture
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machines]:
    """A web process's machine, two consumers', and in their middle one with the servers."""
    setup: Setup = request.param
    with ExitStack() as stack:
        network = Network(MACHINES)
        stack.callback(network.close)
        place = {"host": network.address("middle"), "namespace": network.namespace("middle")}
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = PostgresServer(folder, **place).start()
        stack.callback(database.stop)
        broker = SERVERS[setup.broker](tmp_path / "broker", **place)
        (tmp_path / "broker").mkdir()
        broker.start()
        stack.callback(broker.stop)
        made = Machines(
            tmp_path,
            setup,
            network,
            broker.url,
            Postgres(database.local_url, as_seen=database.url),
        )
        stack.callback(made.close)
        yield made


@pytest.fixture
def pair(machines: Machines) -> dict[str, ConsumerHandle]:
    """A consumer of one slot on each of two machines; the web process runs as well."""
    machines.serve()
    return {host: machines.consume("--concurrency", "1", host=host) for host in ("one", "two")}


def _one_job_each(machines: Machines, pair: dict[str, ConsumerHandle]) -> dict[str, Held]:
    """Let each machine begin a job, and return them by machine."""
    several = [machines.folder / uuid.uuid4().hex for _ in pair]
    jobs = [Held(machines.submit("work", until=str(go)), go) for go in several]
    for job in jobs:
        machines.wait_job(job.id, "running")
    return {name: job for job in jobs for name in pair if _runs_on(machines, job, pair[name])}


def _runs_on(machines: Machines, job: Held, consumer: ConsumerHandle) -> bool:
    found = machines.rows(
        "SELECT pid FROM jobs_consumer JOIN jobs_job ON consumer_id = jobs_consumer.id"
        " WHERE jobs_job.id = ?",
        job.id,
    )
    return found == [(consumer.pid,)]


def _is_said(consumer: ConsumerHandle, words: str) -> bool:
    return any(words in line for line in consumer.log)


def test_both_run_jobs_and_share_files(machines: Machines, pair: dict[str, ConsumerHandle]) -> None:
    held = _one_job_each(machines, pair)
    assert held.keys() == pair.keys()
    for job in held.values():
        job.go.touch()

    binary = {"Content-Type": "application/octet-stream"}
    status, said = machines.ask("POST", "uploads?name=note.txt", b"from the web", binary)
    assert status == 201
    copied = machines.submit("copy", file={"upload": json.loads(said)["id"]})
    machines.wait_job(copied, "succeeded")

    answer = machines.ask("GET", f"jobs/{copied}/artifacts/copy.txt")
    assert answer == (200, b"from the web")
    for job in held.values():
        machines.wait_job(job.id, ("succeeded", 1))
    assert [consumer.stop() for consumer in pair.values()] == [0, 0]
    assert machines.violations() == []


def test_a_machine_that_is_cut_off_and_comes_back(
    machines: Machines, pair: dict[str, ConsumerHandle]
) -> None:
    held = _one_job_each(machines, pair)

    machines.network.cut_off("one")
    held["two"].go.touch()
    machines.wait_job(held["one"].id, ("running", 2))
    held["one"].go.touch()
    machines.wait_job(held["one"].id, ("succeeded", 2))
    wait_until(lambda: _ends(machines, held["one"]) == 2, what="the end of both attempts")
    machines.network.bring_back("one")

    wait_until(lambda: _is_said(pair["one"], "it starts afresh"))
    wait_until(lambda: _is_said(pair["one"], "came back after it was given up"))
    again = _one_job_each(machines, pair)
    assert again.keys() == pair.keys()
    for job in again.values():
        job.go.touch()
        machines.wait_job(job.id, ("succeeded", 1))
    assert machines.job(held["one"].id) == ("succeeded", 2)
    assert [consumer.stop() for consumer in pair.values()] == [0, 0]
    assert machines.violations() == []


def _ends(machines: Machines, job: Held) -> int:
    mine = [effect for effect in machines.records().ledger if effect.job == job.id.replace("-", "")]
    return sum(effect.what == "end" for effect in mine)
