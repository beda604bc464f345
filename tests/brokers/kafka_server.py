"""A Kafka of a test's own: stopped, frozen, robbed of its topic, started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.running import ROOT
from tests.waiting import wait_until

from .redis_server import free_port
from .servers import address

TOPIC = "jobs.default"


class KafkaServer:
    """One node of these tests' own; what it keeps survives a restart."""

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        jars = address("kafka_jars")
        if shutil.which("java") is None:
            pytest.skip("Java is not installed")
        self.port, self.sasl_port, self.sasl_tls_port = (free_port() for _ in range(3))
        self.url = f"kafka://127.0.0.1:{self.port}?partitions=2"
        program = str(ROOT / ".ci/kafka/start")
        self._command = [program, jars, str(folder), str(self.port), str(free_port())]
        if certificate is not None:
            self._command += [str(self.sasl_port), str(self.sasl_tls_port), str(certificate)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(self._command)
        wait_until(self._answers, timeout=60, interval=0.2, what="Kafka")

    def _answers(self) -> bool:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        try:
            admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{self.port}", "log_level": 0})
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def empty(self) -> None:
        """Delete the topic with all that is in it."""
        from confluent_kafka.admin import AdminClient

        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{self.port}"})
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
