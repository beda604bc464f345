"""Logging in to real servers: passwords, users' rights and TLS through the URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command

from jobs import brokers
from jobs.brokers import registry
from tests.brokers.certificate import Certificate, make_certificate
from tests.brokers.kafka_server import KafkaServer
from tests.brokers.rabbit_server import QUEUE, RabbitServer
from tests.brokers.redis_server import RedisServer
from tests.consumers import Consumers, wait_finished
from tests.testapp import tasks
from tests.waiting import wait_until

PASSWORD = "s3cret"
UseUrl = Callable[[str], None]
UrlFor = Callable[[str], str]

URLS = {
    "redis-tls": "rediss://{who}127.0.0.1:{server.port}/0?ssl_ca_certs={cert}",
    "rabbitmq-plain": "amqp://{who}127.0.0.1:{server.port}",
    "rabbitmq-tls": "amqps://{who}127.0.0.1:{server.tls_port}?cafile={cert}",
    "kafka-plain": "kafka://{who}127.0.0.1:{server.sasl_port}?sasl.mechanism=PLAIN",
    "kafka-scram": "kafka://{who}127.0.0.1:{server.sasl_port}?sasl.mechanism=SCRAM-SHA-256",
    "kafka-tls": "kafkas://{who}127.0.0.1:{server.sasl_tls_port}?ssl.ca.location={cert}",
    "kafka-tls-scram": "kafkas://{who}127.0.0.1:{server.sasl_tls_port}"
    "?ssl.ca.location={cert}&sasl.mechanism=SCRAM-SHA-256",
}
US = f"desk:{PASSWORD}@"


def login(name: str, *more: Any) -> Any:
    """A parameter that is one of the URLs, with the mark of its server."""
    mark = getattr(pytest.mark, name.partition("-")[0])
    return pytest.param(name, *more, id="-".join((name, *more[:1])), marks=mark)


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
def rabbitmq_server(
    tmp_path_factory: pytest.TempPathFactory, certificate: Certificate
) -> Iterator[RabbitServer]:
    """A server that knows users with passwords, with and without TLS."""
    server = RabbitServer(tmp_path_factory.mktemp("rabbitmq"), certificate)
    server.start()
    yield server
    server.stop()


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
    """Let this process send to the broker of a URL."""

    def use(url: str) -> None:
        settings.JOBS = {**settings.JOBS, "BROKER_URL": url}

    yield use
    registry._make.cache_clear()


@pytest.fixture
def url_for(request: pytest.FixtureRequest, certificate: Certificate) -> UrlFor:
    """Return a function that puts a login into the URL that is the test's parameter."""
    server = request.getfixturevalue(f"{request.param.partition('-')[0]}_server")
    cert = quote(str(certificate.cert))
    return lambda who: URLS[request.param].format(who=who, server=server, cert=cert)


def _runs_a_job(url: str, folder: Path) -> None:
    """Nobody polls the table: consumers and this process must both have logged in."""
    consumers = Consumers(folder, JOBS_BROKER_URL=url, JOBS_SWEEP_SECONDS="3600")
    try:
        consumers.start()
        assert wait_finished(tasks.square.enqueue(5).id).result == 25
        assert brokers.get_broker().check() == []
        # Before they stop: a consumer that stops with a message sends it again.
        wait_until(lambda: brokers.get_broker().depth("default") == 0)
        consumers.stop_all()
    finally:
        consumers.end_all()


def _doctor_says(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line about the broker."""
    with pytest.raises(CommandError):
        call_command("doctor")
    (line,) = [
        one
        for one in capsys.readouterr().out.splitlines()
        if any(name in one for name in ("Redis", "Kafka", "RabbitMQ"))
    ]
    return line


@pytest.mark.parametrize("url_for", [login(name) for name in URLS], indirect=True)
def test_the_right_password_is_accepted(url_for: UrlFor, use: UseUrl, tmp_path: Path) -> None:
    use(url_for(US))
    _runs_a_job(url_for(US), tmp_path)


@pytest.mark.parametrize(
    ("url_for", "who", "told"),
    [
        login("redis-tls", "desk:wr0ng@", "Redis does not know the user or the password"),
        login("redis-tls", "", "Redis does not know the user or the password in JOBS_BROKER_URL"),
        login(
            "redis-tls",
            f"guest:{PASSWORD}@",
            "The user needs ~jobs.* +@stream +@transaction +@connection.",
        ),
        login("kafka-plain", "desk:wr0ng@", "Kafka does not know the user or the password"),
        login("rabbitmq-tls", "desk:wr0ng@", "RabbitMQ does not know the user or the password"),
    ],
    indirect=["url_for"],
)
def test_doctor_reports_a_login_that_is_refused(
    url_for: UrlFor, use: UseUrl, capsys: pytest.CaptureFixture[str], who: str, told: str
) -> None:
    use(url_for(who))
    line = _doctor_says(capsys)
    assert told in line
    assert "wr0ng" not in line
    assert brokers.get_broker().depth("default") is None


@pytest.mark.rabbitmq
@pytest.mark.parametrize("is_made", [True, False])
def test_doctor_reports_rights_that_are_missing(
    rabbitmq_server: RabbitServer, use: UseUrl, capsys: pytest.CaptureFixture[str], is_made: bool
) -> None:
    """A queue that is there may be looked at without any right."""
    with closing(rabbitmq_server.client()) as client, closing(client.channel()) as channel:
        channel.queue_delete(QUEUE)
        if is_made:
            channel.queue_declare(QUEUE, durable=True, auto_delete=False)
        use(f"amqp://visitor:{PASSWORD}@127.0.0.1:{rabbitmq_server.port}")
        line = _doctor_says(capsys)
        channel.queue_delete(QUEUE)
    assert "access to exchange 'amq.default' in vhost '/' refused for user 'visitor'" in line
    assert r"configure ^jobs\., write ^amq\.default$, read ^jobs\." in line


@pytest.mark.parametrize(
    "url_for", [login("redis-tls"), login("kafka-tls"), login("rabbitmq-tls")], indirect=True
)
def test_doctor_reports_a_certificate_that_is_not_trusted(
    url_for: UrlFor, use: UseUrl, capsys: pytest.CaptureFixture[str]
) -> None:
    use(url_for(US).partition("?")[0])
    assert "certificate verify failed" in _doctor_says(capsys)


IMPOSSIBLE = "JOBS_BROKER_URL is no URL that the Redis client can use"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://desk:s3c/ret@127.0.0.1/0", IMPOSSIBLE),
        ("redis://127.0.0.1/0?tls=yes", IMPOSSIBLE),
        (
            "kafka://desk:s3cret@127.0.0.1:9092?tls=yes",
            'JOBS_BROKER_URL: No such configuration property: "tls"',
        ),
    ],
)
def test_doctor_reports_a_url_that_the_client_refuses(
    use: UseUrl, capsys: pytest.CaptureFixture[str], url: str, told: str
) -> None:
    use(url)
    with pytest.raises(CommandError):
        call_command("doctor")
    said = capsys.readouterr().out
    assert told in said
    assert "s3c" not in said
