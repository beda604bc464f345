"""A queue of RabbitMQ: who gets which message, and what is left of a connection that ends."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from jobs.brokers.rabbitmq import client, health, sender, source
from jobs.brokers.rabbitmq.client import RabbitError
from jobs.brokers.rabbitmq.sender import Sender
from jobs.brokers.rabbitmq.source import RabbitSource
from jobs.brokers.rabbitmq.url import server_of
from tests.brokers.rabbit_server import RabbitServer
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.rabbitmq,
    pytest.mark.skipif(os.name == "nt", reason="SIGSTOP"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """A server that this module may do anything to; every test leaves it running."""
    made = RabbitServer(tmp_path_factory.mktemp("rabbitmq"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def queue() -> str:
    return f"jobs.{uuid.uuid4().hex}"


def send(server: RabbitServer, queue: str, *bodies: bytes) -> None:
    import amqp

    with closing(server.client()) as connection:
        channel = connection.channel()
        for body in bodies:
            channel.basic_publish_confirm(amqp.Message(body), routing_key=queue)


def bodies(reader: RabbitSource, limit: int = 8, seconds: float = 5.0) -> list[bytes | None]:
    """Receive and acknowledge."""
    found = reader.receive(limit, seconds)
    reader.acknowledge(found)
    return [message.body for message in found]


def started(server: RabbitServer, queue: str) -> RabbitSource:
    """A source that is connected; its queue is empty, so that it is subscribed."""
    reader = RabbitSource(server_of(server.url), queue)
    assert reader.receive(8, 0.01) == []
    return reader


def test_it_makes_a_quorum_queue_and_takes_one_that_is_there_as_it_is(
    server: RabbitServer, queue: str
) -> None:
    with closing(started(server, queue)), closing(server.client()) as connection:
        channel = connection.channel()
        channel.queue_declare(
            queue, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
        )
        channel.queue_declare(f"{queue}.own", auto_delete=False)
    with closing(started(server, f"{queue}.own")) as reader:
        send(server, f"{queue}.own", b"a")
        assert bodies(reader) == [b"a"]


def test_a_server_without_quorum_queues_gets_durable_ones(
    server: RabbitServer, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare = client._declare

    def refused(connection: object, name: str, arguments: dict[str, object]) -> None:
        declare(connection, name, {"x-queue-type": "unknown"} if arguments else {})

    monkeypatch.setattr(client, "_declare", refused)
    with closing(started(server, queue)), closing(server.client()) as connection:
        connection.channel().queue_declare(queue, durable=True, auto_delete=False)


def test_a_busy_consumer_keeps_no_message_from_another(server: RabbitServer, queue: str) -> None:
    with closing(started(server, queue)) as busy, closing(started(server, queue)) as idle:
        assert busy.receive(0, 0.0) == []  # all its slots are taken
        send(server, queue, b"a", b"b")
        assert bodies(idle) == [b"a"]
        assert bodies(idle) == [b"b"]
        assert busy.receive(0, 0.0) == []


def test_it_gets_no_more_than_it_is_asked_for(server: RabbitServer, queue: str) -> None:
    reader = started(server, queue)
    reader.receive(0, 0.0)
    send(server, queue, *[b"%d" % n for n in range(20)])
    with closing(reader), closing(started_quietly(server, queue)) as other:
        assert [len(reader.receive(8, 1.0)) for _ in range(3)] == [1, 2, 4]
        assert len(other.receive(1, 1.0)) == 1


def started_quietly(server: RabbitServer, queue: str) -> RabbitSource:
    """A source that has not asked for anything."""
    return RabbitSource(server_of(server.url), queue)


def test_after_a_large_message_they_come_one_by_one(server: RabbitServer, queue: str) -> None:
    with closing(started(server, queue)) as reader:
        reader.receive(0, 0.0)
        send(server, queue, b"a", b"b", b"c", b"x" * 200_000, b"d", b"e")
        sizes = [[len(body or b"") for body in bodies(reader)] for _ in range(4)]
        assert sizes == [[1], [1, 1], [200_000], [1]]


def test_what_a_leaving_or_killed_consumer_has_goes_to_another_at_once(
    server: RabbitServer, queue: str
) -> None:
    leaving, killed = started(server, queue), started(server, queue)
    send(server, queue, b"a", b"b")
    assert len(leaving.receive(1, 5.0)) == len(killed.receive(1, 5.0)) == 1
    leaving.close()
    killed._connection.sock.close()
    with closing(started_quietly(server, queue)) as reader:
        found: list[bytes | None] = []
        while len(found) < 2:
            got = bodies(reader)
            assert got
            found += got
        assert sorted(body or b"" for body in found) == [b"a", b"b"]
    assert health.depth(server_of(server.url), queue) == 0


def test_a_message_of_an_earlier_connection_is_not_acknowledged(
    server: RabbitServer, queue: str
) -> None:
    with closing(started(server, queue)) as reader:
        send(server, queue, b"a")
        before = reader.receive(1, 5.0)
        reader._connection.sock.close()
        with pytest.raises(RabbitError):
            reader.receive(1, 5.0)
        again = reader.receive(1, 5.0)
        assert [message.body for message in again] == [b"a"]
        reader.acknowledge(before)  # its number is another message's now, or nobody's
        reader.acknowledge(again)
        assert reader.receive(1, 0.01) == []


def test_a_queue_that_is_deleted_under_a_waiting_reader_is_made_anew(
    server: RabbitServer, queue: str
) -> None:
    with closing(started(server, queue)) as reader, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.receive, 1, 60.0)
        with closing(server.client()) as connection:
            connection.channel().queue_delete(queue)
        with pytest.raises(RabbitError, match="was deleted"):
            waiting.result()
        assert reader.receive(1, 0.01) == []
        send(server, queue, b"a")
        assert bodies(reader) == [b"a"]


def test_a_message_that_is_not_pushed_is_found_and_the_connection_made_anew(
    server: RabbitServer, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As RabbitMQ 3.10 has it for the first message of a queue that was made anew."""
    monkeypatch.setattr(source, "LOOK_SECONDS", 0.0)
    with closing(started(server, queue)) as reader:
        before = reader._connection
        reader._channel.callbacks[source.TAG] = lambda _: None  # the first one goes to nobody
        send(server, queue, b"a", b"b")
        assert bodies(reader) == [b"b"]
        assert bodies(reader) == [b"a"]
        assert reader._connection is not before


def test_a_frozen_server_holds_nobody_for_long(
    server: RabbitServer, queue: str, sending: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "SEND_SECONDS", 0.3)
    with closing(started(server, queue)) as reader:
        sending.send([(queue, uuid.uuid4())])
        assert len(bodies(reader)) == 1
        reader._connection.sock.settimeout(0.3)
        server.freeze()
        try:
            with pytest.raises(RabbitError, match="does not answer"):
                reader.receive(1, 0.1)
            with pytest.raises(RabbitError, match="does not answer"):
                sending.send([(queue, uuid.uuid4())])
        finally:
            server.thaw()
        wait_until(lambda: _sends(sending, queue), what="the server to take messages again")
        assert len(bodies(reader)) >= 1


@pytest.fixture
def sending(server: RabbitServer) -> Iterator[Sender]:
    with closing(Sender(server_of(server.url))) as made:
        yield made


def _sends(sending: Sender, queue: str) -> bool:
    try:
        sending.send([(queue, uuid.uuid4())])
    except RabbitError:
        return False
    return True


def test_a_connection_that_was_lost_unnoticed_is_made_anew_at_once(
    server: RabbitServer, queue: str, sending: Sender
) -> None:
    sending.send([(queue, uuid.uuid4())])
    sending._connection.sock.close()
    sending.send([(queue, uuid.uuid4())])
    assert health.depth(server_of(server.url), queue) == 2


def test_a_queue_that_was_deleted_under_a_sender_is_made_anew(
    server: RabbitServer, queue: str, sending: Sender
) -> None:
    sending.send([(queue, uuid.uuid4())])
    with closing(server.client()) as connection:
        connection.channel().queue_delete(queue)
    sending.send([(queue, uuid.uuid4()), (queue, uuid.uuid4())])
    assert health.depth(server_of(server.url), queue) == 2


def test_a_batch_is_confirmed_as_a_whole(server: RabbitServer, queue: str, sending: Sender) -> None:
    sending.send([])  # only connects
    sending.send([(queue, uuid.uuid4()) for _ in range(500)])
    assert health.depth(server_of(server.url), queue) == 500


def test_a_message_that_the_server_refuses_is_not_taken_for_sent(
    server: RabbitServer, queue: str, sending: Sender
) -> None:
    with closing(server.client()) as connection:
        arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
        connection.channel().queue_declare(
            queue, durable=True, auto_delete=False, arguments=arguments
        )
    with pytest.raises(RabbitError, match="did not take all"):
        sending.send([(queue, uuid.uuid4()) for _ in range(5)])


def test_a_virtual_host_that_is_not_there_is_said(server: RabbitServer) -> None:
    (told,) = health.check(server_of(f"{server.url}/n%2Fope"))
    assert told == "RabbitMQ does not let this user into the virtual host 'n/ope'."


def test_a_server_that_is_too_old_is_said(
    server: RabbitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = server_of(server.url)
    assert health.check(where) == []
    monkeypatch.setattr(health, "version", lambda _: "3.7.28")
    assert health.check(where) == ["RabbitMQ 3.7.28 is too old: quorum queues need 3.8 or later."]
