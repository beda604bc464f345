"""A Kafka of a test's own: stopped, frozen, robbed of its topic, started again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.brokers.own_server import OwnServer
from tests.brokers.servers import address
from tests.ports import free_port
from tests.subprocesses import ROOT

TOPIC = "jobs.default"


class KafkaServer(OwnServer):
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
        self.url = f"kafka://{self._where}?partitions=2"
        command = ["env", f"KAFKA_HOST={host}", str(ROOT / ".ci/kafka/start"), jars, str(folder)]
        command += [str(self.port), str(free_port())]
        if certificate is not None:
            command += [str(self.sasl_port), str(self.sasl_tls_port), str(certificate)]
        super().__init__(command, self._lists_topics, namespace=namespace, patience=90)

    def _lists_topics(self) -> bool:
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
