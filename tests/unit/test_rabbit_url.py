"""What the URL of a RabbitMQ server says."""

from __future__ import annotations

import pytest

from jobs.brokers.rabbitmq.url import ServerUrl, server_of
from jobs.errors import BrokerError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://host", ServerUrl("host", 5672, "guest", "guest", "/", tls=False)),
        ("amqp://host/", ServerUrl("host", 5672, "guest", "guest", "/", tls=False)),
        ("amqp://[::1]:5673/desk", ServerUrl("::1", 5673, "guest", "guest", "desk", tls=False)),
        (
            "amqps://ann:s%40cr%2Fet@host/%2Fdesk?cafile=/etc/ca.pem",
            ServerUrl("host", 5671, "ann", "s@cr/et", "/desk", tls=True, cafile="/etc/ca.pem"),
        ),
    ],
)
def test_a_url_names_a_server_and_a_login(url: str, expected: ServerUrl) -> None:
    assert server_of(url) == expected


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("amqp://", "names no RabbitMQ server"),
        ("amqp://ann:s3cret@", "names no RabbitMQ server"),
        ("amqp://ann:s3cret@host:many", "the port must be a number"),
        ("amqp://ann:s3cret@host:70000", "the port must be a number"),
        ("amqp://ann:s3cret@host?heartbeat=3", "unknown: heartbeat. Known: cafile."),
    ],
)
def test_a_url_that_cannot_be_is_said_without_its_password(url: str, told: str) -> None:
    with pytest.raises(BrokerError) as raised:
        server_of(url)
    assert told in str(raised.value)
    assert "s3cret" not in str(raised.value)
