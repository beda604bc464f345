"""What a consumer of a Kafka topic does with the answers that a real server rarely gives."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

confluent_kafka = pytest.importorskip("confluent_kafka")

from jobs.brokers.kafka import source  # noqa: E402
from jobs.brokers.kafka.source import ASK_SECONDS, KafkaSource  # noqa: E402

KafkaError, KafkaException = confluent_kafka.KafkaError, confluent_kafka.KafkaException


class Client:
    """Stands in for librdkafka's consumer."""

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.partitions = ["p0", "p1"]
        self.calls: list[Any] = []

    def poll(self, seconds: float) -> Any:
        self.calls.append(("poll", seconds > 0))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def assignment(self) -> list[str]:
        return self.partitions

    def __getattr__(self, name: str) -> Any:
        return lambda *given, **_: self.calls.append((name, *given))

    def called(self, *names: str) -> list[Any]:
        return [call[0] for call in self.calls if call[0] in names]


def message(body: bytes | None = b"{}", error: int | None = None) -> Any:
    return SimpleNamespace(
        error=lambda: None if error is None else KafkaError(error), value=lambda: body
    )


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(source, "Consumer", lambda config: made)
    return made


@pytest.fixture
def kafka(client: Client) -> KafkaSource:
    made = KafkaSource({}, 3, "mail")
    made._subscribed = True
    return made


def bodies(kafka: KafkaSource, limit: int, seconds: float = 1.0) -> list[bytes | None]:
    return [one.body for one in kafka.receive(limit, seconds)]


def test_it_waits_for_the_first_message_alone(kafka: KafkaSource, client: Client) -> None:
    client.answers = [message(b"1"), message(b"2"), None, message(b"3")]
    assert bodies(kafka, 5) == [b"1", b"2"]
    assert client.calls == [("poll", True), ("poll", False), ("poll", False)]
    assert bodies(kafka, 1) == [b"3"]


def test_no_more_than_there_are_slots(kafka: KafkaSource, client: Client) -> None:
    client.answers = [message(b"1"), message(b"2"), message(b"3")]
    assert bodies(kafka, 2) == [b"1", b"2"]


def test_a_message_without_a_body_is_one_that_is_empty(kafka: KafkaSource, client: Client) -> None:
    client.answers = [message(None)]
    assert bodies(kafka, 1) == [b""], "it is quarantined as what it is"


def test_without_a_slot_it_only_keeps_its_partitions(kafka: KafkaSource, client: Client) -> None:
    assert bodies(kafka, 0, 5.0) == []
    assert client.calls == [("pause", ["p0", "p1"]), ("poll", False)]
    bodies(kafka, 0)
    assert client.called("pause") == ["pause"] * 2, "a rebalance forgets it"
    bodies(kafka, 1, 0.0)
    bodies(kafka, 1, 0.0)
    assert client.called("resume") == ["resume"]


def test_what_comes_though_it_is_paused_is_not_lost(kafka: KafkaSource, client: Client) -> None:
    client.answers = [message(b"1"), message(b"2")]
    assert bodies(kafka, 0) == [b"1"]


def test_before_it_has_partitions_there_is_nothing_to_pause(
    kafka: KafkaSource, client: Client
) -> None:
    client.partitions = []
    bodies(kafka, 0)
    bodies(kafka, 1, 0.0)
    assert client.called("pause", "resume") == []


def test_an_error_after_a_message_is_raised_the_next_time(
    kafka: KafkaSource, client: Client
) -> None:
    broken = KafkaException(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    client.answers = [message(b"1"), broken, broken]
    assert bodies(kafka, 5) == [b"1"]
    with pytest.raises(KafkaException):
        bodies(kafka, 5)


@pytest.mark.parametrize("code", [KafkaError._PARTITION_EOF, KafkaError._MAX_POLL_EXCEEDED])
def test_what_is_no_error_is_passed_over(kafka: KafkaSource, client: Client, code: int) -> None:
    client.answers = [message(error=code), message(b"1")]
    assert bodies(kafka, 1) == [b"1"]


def test_an_error_in_the_place_of_a_message_is_raised(kafka: KafkaSource, client: Client) -> None:
    client.answers = [message(error=KafkaError.TOPIC_AUTHORIZATION_FAILED)]
    with pytest.raises(KafkaException):
        bodies(kafka, 1)


# The topic.


class Admin:
    """Stands in for the client that makes topics."""

    def __init__(self) -> None:
        self.topics: dict[str, Any] = {}
        self.made: list[Any] = []
        self.error: int | None = None

    def list_topics(self, *, timeout: float) -> Any:
        assert timeout == ASK_SECONDS
        return SimpleNamespace(topics=dict(self.topics))

    def create_topics(self, wanted: Any, *, operation_timeout: float) -> Any:
        assert operation_timeout == ASK_SECONDS
        self.made += [(one.topic, one.num_partitions) for one in wanted]
        return {one.topic: SimpleNamespace(result=self._result) for one in wanted}

    def _result(self, timeout: float) -> None:
        assert timeout == 2 * ASK_SECONDS
        if self.error is not None:
            raise KafkaException(KafkaError(self.error))


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> Admin:
    made = Admin()
    monkeypatch.setattr(source, "AdminClient", lambda config: made)
    return made


@pytest.mark.parametrize(
    ("topics", "error", "made"),
    [
        ({}, None, [("jobs.mail", 3)]),
        ({}, KafkaError.TOPIC_ALREADY_EXISTS, [("jobs.mail", 3)]),  # another consumer was first
        ({"jobs.mail": 1}, None, []),  # who may read it need not be allowed to make it
    ],
)
def test_a_topic_is_made_where_there_is_none(
    client: Client, admin: Admin, topics: Any, error: int | None, made: Any
) -> None:
    admin.topics, admin.error = topics, error
    kafka = KafkaSource({}, 3, "mail")
    bodies(kafka, 1, 0.0)
    bodies(kafka, 1, 0.0)
    assert admin.made == made
    assert [call for call in client.calls if call[0] == "subscribe"] == [
        ("subscribe", ["jobs.mail"])
    ]


def test_a_topic_that_may_not_be_made_is_asked_for_again(client: Client, admin: Admin) -> None:
    admin.error = KafkaError.TOPIC_AUTHORIZATION_FAILED
    kafka = KafkaSource({}, 3, "mail")
    for _ in range(2):
        with pytest.raises(KafkaException):
            bodies(kafka, 1)
    assert len(admin.made) == 2


def test_a_topic_that_somebody_has_deleted_is_made_anew(
    kafka: KafkaSource, client: Client, admin: Admin
) -> None:
    client.answers = [message(error=KafkaError.UNKNOWN_TOPIC_OR_PART)]
    bodies(kafka, 1, 0.0)
    bodies(kafka, 1, 0.0)
    assert admin.made == [("jobs.mail", 3)]


# Acknowledging.


def test_the_last_message_of_each_partition_is_committed(
    kafka: KafkaSource, client: Client
) -> None:
    def of(partition: int, name: str) -> Any:
        handle = SimpleNamespace(partition=lambda: partition, name=name)
        return SimpleNamespace(handle=handle)

    committed: list[str] = []

    def commit(one: Any, *, asynchronous: bool) -> None:
        assert not asynchronous, "the job may not come again"
        committed.append(one.name)
        if one.name == "b":
            raise KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION))

    vars(client)["commit"] = commit
    kafka.acknowledge([of(0, "a"), of(0, "b"), of(1, "c")])
    assert committed == ["b", "c"], "though a partition is another consumer's by now"
    kafka.close()
    assert client.called("close") == ["close"]
