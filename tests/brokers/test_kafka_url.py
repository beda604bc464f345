"""What a Kafka URL says, and what ``doctor`` says of partitions."""

from __future__ import annotations

import pytest

from jobs.brokers.kafka.broker import config_of
from jobs.brokers.kafka.health import more_consumers_than_partitions
from jobs.errors import BrokerError
from tests.factories import make_consumer


def test_a_plain_url_names_servers() -> None:
    config, partitions = config_of("kafka://one:9092,two:9092")
    assert config["bootstrap.servers"] == "one:9092,two:9092"
    assert config["security.protocol"] == "PLAINTEXT"
    assert partitions == 8


def test_a_url_with_a_password_and_settings() -> None:
    url = "kafkas://desk:s%40cret@one:9093?partitions=12&sasl.mechanism=SCRAM-SHA-512"
    config, partitions = config_of(url)
    assert config["security.protocol"] == "SASL_SSL"
    assert (config["sasl.username"], config["sasl.password"]) == ("desk", "s@cret")
    assert config["sasl.mechanism"] == "SCRAM-SHA-512"
    assert partitions == 12


@pytest.mark.parametrize("url", ["kafka://", "kafka://user:s3cret@", "kafka://one?partitions=many"])
def test_a_url_that_cannot_be_is_said_without_its_password(url: str) -> None:
    with pytest.raises(BrokerError) as raised:
        config_of(url)
    assert "s3cret" not in str(raised.value)


@pytest.mark.django_db
def test_more_consumers_than_partitions_are_said() -> None:
    for _ in range(3):
        make_consumer(queues=["default"])
    assert more_consumers_than_partitions({"jobs.default": 3}) == []
    (told,) = more_consumers_than_partitions({"jobs.default": 2, "jobs.mail": 1})
    assert told.startswith("The topic jobs.default has 2 partitions for 3 consumers")
