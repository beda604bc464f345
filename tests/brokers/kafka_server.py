"""A Kafka of a test's own: stopped, frozen, robbed of its topic, started again."""

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

TOPIC = "jobs.default"


class KafkaServer:
    """One node of these tests' own; what it keeps survives a restart."""

    def __init__(
        self,
        folder: Path,
        certificate: Path | None = None,
        *,
        host: str = "127.0.0.1",
        namespace: str = "",
    ) -> None:
        jars = address("kafka_jars")
        if shutil.which("java") is None:
            pytest.skip("Java is not installed")
        self.port, self.sasl_port, self.sasl_tls_port = (free_port() for _ in range(3))
        self._where = f"{host}:{self.port}"
        self._namespace = namespace
        self.url = f"kafka://{self._where}?partitions=2"
        program = str(ROOT / ".ci/kafka/start")
        self._command = [*inside(namespace), "env", f"KAFKA_HOST={host}", program, jars]
        self._command += [str(folder), str(self.port), str(free_port())]
        if certificate is not None:
            self._command += [str(self.sasl_port), str(self.sasl_tls_port), str(certificate)]
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

    def empty(self) -> None:
        """Delete the topic with all that is in it."""
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": self._where})
        admin.delete_topics([TOPIC], operation_timeout=10)[TOPIC].result(20)

    def freeze(self) -> None:
        """Let it hang: connections stay open and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self.thaw()
            self._process.kill()
            self._process.wait(10)
            self._process = None
