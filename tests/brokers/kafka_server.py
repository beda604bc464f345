"""A Kafka of one node of a test's own: stopped, frozen, emptied, started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.network import inside, within
from tests.procs import ROOT
from tests.waiting import wait_until

from .redis_server import free_port
from .servers import address


class KafkaServer:
    """One node of a test's own; what it keeps survives a restart."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", namespace: str = "") -> None:
        jars = address("kafka_jars")
        if shutil.which("java") is None:
            pytest.skip("Java is not installed")
        self._where = f"{host}:{free_port()}"
        self.url = f"kafka://{self._where}?partitions=2"
        self._namespace = namespace
        program = str(ROOT / ".ci/kafka/start")
        ports = (self._where.partition(":")[2], str(free_port()))
        self._command = [*inside(namespace), program, jars, str(folder), *ports, host]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> KafkaServer:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command)
        wait_until(
            lambda: within(self._namespace, self._answers), timeout=90, interval=0.2, what="Kafka"
        )
        return self

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            admin = AdminClient({"bootstrap.servers": self._where, "log_level": 0})
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def delete_topic(self, name: str) -> None:
        """Delete a topic with all that is in it."""
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self._where})
        admin.delete_topics([name], operation_timeout=10)[name].result(20)

    def signal(self, number: int) -> None:
        """Freeze it or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self.signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait(10)
            self._process = None
