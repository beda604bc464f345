"""Who may come in: passwords, users' rights and TLS through the URL, with real servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command

from jobs import brokers
from jobs.brokers import choose
from tests.desk import tasks
from tests.running import Consumers, wait_finished
from tests.waiting import wait_until

from .certificate import Certificate, make_certificate
from .kafka_server import KafkaServer
from .redis_server import RedisServer

PASSWORD = "s3cret"
UseUrl = Callable[[str], None]

redis_only = pytest.mark.redis
kafka_only = pytest.mark.kafka
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def redis_server(tmp_path: Path, certificate: Certificate) -> Iterator[RedisServer]:
    """A server that speaks TLS alone and knows one user, who may use our streams alone."""
    server = RedisServer(
        tmp_path,
        *("--tls-cert-file", str(certificate.cert), "--tls-key-file", str(certificate.key)),
        *("--tls-ca-cert-file", str(certificate.cert), "--tls-auth-clients", "no"),
        tls=True,
    ).start()
    with closing(server.client(ssl=True, ssl_ca_certs=str(certificate.cert))) as client:
        rights = ["resetchannels", "~jobs.*", "+@stream", "+@transaction", "+@connection"]
        _ask(client, "ACL", "SETUSER", "desk", "on", f">{PASSWORD}", *rights)
        _ask(client, "ACL", "SETUSER", "guest", "on", f">{PASSWORD}", "+@connection")
        _ask(client, "ACL", "SETUSER", "default", "off")
    yield server
    server.stop()


def _ask(client: Any, *command: str) -> None:
    client.execute_command(*command)


@pytest.fixture(scope="module")
def kafka_server(
    tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[KafkaServer]:
    """A server that also listens to a user with a password, with and without TLS."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"), certificate.both)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def use(settings: Any) -> Iterator[UseUrl]:
    """Let this process announce at a URL."""

    def use(url: str) -> None:
        settings.JOBS = {**settings.JOBS, "BROKER_URL": url}

    yield use
    choose._make.cache_clear()


def _runs_a_job(url: str, folder: Path) -> None:
    """Nobody looks at the table: consumers and this process must both have come in."""
    consumers = Consumers(folder, JOBS_BROKER_URL=url, JOBS_SWEEP_SECONDS="3600")
    try:
        consumers.start()
        assert wait_finished(tasks.square.enqueue(5).id).result == 25
        assert brokers.get_broker().check() == []
        # Before they stop: who is stopped with a permit in hand sends it on.
        wait_until(lambda: brokers.get_broker().depth("default") == 0)
        consumers.stop_all()
    finally:
        consumers.end_all()


def _doctor_says(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line about the broker."""
    with pytest.raises(CommandError):
        call_command("doctor")
    (line,) = [
        one for one in capsys.readouterr().out.splitlines() if "Redis" in one or "Kafka" in one
    ]
    return line


@redis_only
def test_redis_by_tls_with_a_user(
    redis_server: RedisServer, certificate: Certificate, use: UseUrl, tmp_path: Path
) -> None:
    place = f"127.0.0.1:{redis_server.port}/0?ssl_ca_certs={quote(str(certificate.cert))}"
    url = f"rediss://desk:{PASSWORD}@{place}"
    use(url)
    _runs_a_job(url, tmp_path)


@redis_only
@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("desk:wr0ng@", "Redis does not know the user or the password in JOBS_BROKER_URL"),
        ("", "Redis does not know the user or the password in JOBS_BROKER_URL"),
        (f"guest:{PASSWORD}@", "The user needs ~jobs.* +@stream +@transaction +@connection."),
    ],
)
def test_redis_that_does_not_let_us_work(
    redis_server: RedisServer,
    certificate: Certificate,
    use: UseUrl,
    capsys: pytest.CaptureFixture[str],
    who: str,
    told: str,
) -> None:
    use(f"rediss://{who}127.0.0.1:{redis_server.port}/0?ssl_ca_certs={certificate.cert}")
    line = _doctor_says(capsys)
    assert told in line
    assert "wr0ng" not in line
    assert brokers.get_broker().depth("default") is None


@redis_only
def test_redis_whose_certificate_nobody_vouches_for(
    redis_server: RedisServer, use: UseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    use(f"rediss://desk:{PASSWORD}@127.0.0.1:{redis_server.port}/0")
    assert "certificate verify failed" in _doctor_says(capsys)


@redis_only
@pytest.mark.parametrize("url", ["redis://desk:s3c/ret@127.0.0.1/0", "redis://127.0.0.1/0?tls=yes"])
def test_a_redis_url_that_cannot_be(
    use: UseUrl, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    use(url)
    line = _doctor_says(capsys)
    assert "JOBS_BROKER_URL is no URL that the Redis client can use" in line
    assert "s3c" not in line


@kafka_only
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_kafka_with_a_user(
    kafka_server: KafkaServer, use: UseUrl, tmp_path: Path, mechanism: str
) -> None:
    place = f"127.0.0.1:{kafka_server.sasl_port}?sasl.mechanism={mechanism}"
    url = f"kafka://desk:{PASSWORD}@{place}"
    use(url)
    _runs_a_job(url, tmp_path)


@kafka_only
@pytest.mark.parametrize("more", ["", "&sasl.mechanism=SCRAM-SHA-256"])
def test_kafka_by_tls_with_a_user(
    kafka_server: KafkaServer, certificate: Certificate, use: UseUrl, tmp_path: Path, more: str
) -> None:
    place = f"127.0.0.1:{kafka_server.sasl_tls_port}?ssl.ca.location={quote(str(certificate.cert))}"
    url = f"kafkas://desk:{PASSWORD}@{place}{more}"
    use(url)
    _runs_a_job(url, tmp_path)


@kafka_only
def test_kafka_that_does_not_know_us(
    kafka_server: KafkaServer, use: UseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    use(f"kafka://desk:wr0ng@127.0.0.1:{kafka_server.sasl_port}")
    line = _doctor_says(capsys)
    assert "Kafka does not know the user or the password in JOBS_BROKER_URL." in line
    assert "wr0ng" not in line


@kafka_only
def test_kafka_whose_certificate_nobody_vouches_for(
    kafka_server: KafkaServer, use: UseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    use(f"kafkas://desk:{PASSWORD}@127.0.0.1:{kafka_server.sasl_tls_port}")
    assert "certificate verify failed" in _doctor_says(capsys)


@kafka_only
def test_a_kafka_url_that_cannot_be(use: UseUrl, capsys: pytest.CaptureFixture[str]) -> None:
    use("kafka://127.0.0.1:9092?tls=yes")
    with pytest.raises(CommandError):
        call_command("doctor")
    assert 'JOBS_BROKER_URL: No such configuration property: "tls"' in capsys.readouterr().out
