"""Measures one broker in this process: see ``brokers``."""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import django

from tests.brokers.kafka_server import KafkaServer
from tests.brokers.postgres_server import PostgresServer
from tests.brokers.rabbit_server import RabbitServer
from tests.brokers.redis_server import RedisServer
from tests.waiting import wait_until

JOBS: Final = 2000
DEATHS: Final = 3
STOPS: Final = 5


class Server(Protocol):
    """A server that can be stopped as by a crash and started again."""

    url: str

    def start(self) -> Any: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Broker:
    """One row of the table."""

    title: str
    database: type[PostgresServer] | None = None
    messages: Callable[[Path], RedisServer | KafkaServer | RabbitServer] | None = None


BROKERS: Final = {
    "sqlite": Broker("SQLite, `database://`"),
    "postgres": Broker("PostgreSQL, `database://`", PostgresServer),
    "redis": Broker("Redis and PostgreSQL", PostgresServer, RedisServer),
    "rabbitmq": Broker("RabbitMQ and PostgreSQL", PostgresServer, RabbitServer),
    "kafka": Broker("Kafka and PostgreSQL", PostgresServer, KafkaServer),
}


class Bench:
    """One broker, with its servers and consumers."""

    def __init__(self, broker: Broker, folder: Path, samples: int) -> None:
        self._broker = broker
        self._folder = folder
        self._samples = samples
        self._servers: list[Server] = []

    def _start(self, server: Server, variable: str) -> None:
        server.start()
        self._servers.append(server)
        os.environ[variable] = server.url

    def run(self) -> dict[str, str]:
        """Return the cells of the table's row by name."""
        folders = [self._folder / name for name in ("database", "messages")]
        for folder in folders:
            folder.mkdir()
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        os.environ["DATABASE_URL"] = f"sqlite:///{folders[0] / 'db.sqlite3'}"
        try:
            if self._broker.database:
                self._start(self._broker.database(folders[0]), "DATABASE_URL")
            if self._broker.messages:
                self._start(self._broker.messages(folders[1]), "JOBS_BROKER_URL")
            return self._measure()
        finally:
            for server in reversed(self._servers):
                server.stop()

    def _measure(self) -> dict[str, str]:
        django.setup()
        from django.core.management import call_command

        from tests.consumers import Consumers

        call_command("migrate", verbosity=0)
        consumers = Consumers(self._folder)
        try:
            pickups = self._pickups(consumers)
            return {
                "broker": self._broker.title,
                "pickup": f"{statistics.median(pickups) * 1000:.1f} ms",
                "p95": f"{statistics.quantiles(pickups, n=20)[-1] * 1000:.1f} ms",
                "rate": f"{self._rate():,.0f}",
                "rerun": _seconds(self._reruns(consumers)),
                "stopped": _seconds(self._stops(consumers)) if self._servers else "it is a file",
            }
        finally:
            consumers.end_all()

    def _pickups(self, consumers: Any) -> list[float]:
        """From the call of ``enqueue`` to the task's first line; the consumer was idle."""
        from tests.consumers import wait_finished
        from tests.testapp import tasks

        self._consumer = consumers.start()
        rng = random.Random(1)
        found = []
        for number in range(self._samples + 5):
            time.sleep(rng.uniform(0.1, 0.3))
            began = time.time()
            job = wait_finished(tasks.moment.enqueue().id, timeout=90)
            if number >= 5:  # the first ones include warming up
                found.append(float(str(job.result)) - began)
        return found

    def _rate(self) -> float:
        """Jobs that do nothing, submitted by one thread, until all are recorded as finished."""
        from tests.testapp import tasks

        began = time.monotonic()
        for _ in range(JOBS):
            tasks.moment.enqueue()
        _wait_until_all_finished()
        return JOBS / (time.monotonic() - began)

    def _reruns(self, consumers: Any) -> list[float]:
        """From SIGKILL to the next claim of the running job, by a consumer started at once."""
        from tests.consumers import wait_status
        from tests.testapp import tasks

        found = []
        for number in range(DEATHS):
            go = self._folder / f"go{number}"
            held = tasks.hold.enqueue(path=str(go))
            wait_status(held.id, "running")
            killed = time.time()
            self._consumer.kill()
            self._consumer = consumers.start()
            again = wait_until(lambda job=held: _attempt(job.id, 2), timeout=90)  # type: ignore[misc]
            found.append(again - killed)
            go.touch()
            _wait_until_all_finished()
        return found

    def _stops(self, consumers: Any) -> list[float]:
        """From the server's stop to the next claim. A database is started again at once, because
        nothing can be submitted without it."""
        from django.db import connection

        from tests.testapp import tasks

        server = self._servers[-1]
        found = []
        for _ in range(STOPS):
            stopped = time.time()
            server.stop()
            if not self._broker.messages:
                connection.close()
                server.start()
            job = tasks.moment.enqueue()
            found.append(wait_until(lambda job=job: _attempt(job.id, 1), timeout=90) - stopped)  # type: ignore[misc]
            _wait_until_all_finished()
            if self._broker.messages:
                server.start()
            time.sleep(random.uniform(2.0, 4.0))
        return found


def _attempt(job_id: str, number: int) -> float | None:
    """When this attempt of a job was claimed."""
    from jobs.models import Job

    job = Job.objects.filter(pk=job_id, attempt=number).first()
    return job.started_at.timestamp() if job and job.started_at else None


def _wait_until_all_finished() -> None:
    from jobs.core.states import UNFINISHED
    from jobs.models import Job

    unfinished = Job.objects.filter(status__in=UNFINISHED)
    wait_until(lambda: not unfinished.exists(), timeout=120)


def _seconds(samples: Sequence[float]) -> str:
    return f"{statistics.median(samples):.1f} s ({max(samples):.1f} s)"


if __name__ == "__main__":
    cells = Bench(BROKERS[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3])).run()
    sys.stdout.write(json.dumps(cells) + "\n")
