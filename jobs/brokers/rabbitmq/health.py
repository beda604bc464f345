"""What ``doctor`` and the pages ask a RabbitMQ server: does it answer, how much waits in it."""

from __future__ import annotations

from typing import Any, Final

import amqp
from amqp.exceptions import AccessRefused, NotAllowed, NotFound

from jobs.brokers.message import channel
from jobs.core.uuid7 import uuid7

from .client import RabbitError, connect, disconnect, open_channel, plain_errors, version, words_of
from .url import ServerUrl

OLDEST: Final = (3, 8)  # the first with quorum queues
RIGHTS: Final = r"The user needs the rights configure ^jobs\., write ^amq\.default$, read ^jobs\.."


def depth(server: ServerUrl, name: str) -> int | None:
    """Return how many messages wait in a queue; None when the server does not tell."""
    try:
        with plain_errors():
            return _count(server, name)
    except RabbitError:
        return None


def _count(server: ServerUrl, name: str) -> int:
    connection = connect(server)
    try:
        declared = open_channel(connection).queue_declare(name, passive=True)
        return int(declared.message_count)
    except NotFound:
        return 0
    finally:
        disconnect(connection)


def check(server: ServerUrl) -> list[str]:
    """Return what is wrong with a RabbitMQ server, in sentences."""
    try:
        with plain_errors():
            connection = connect(server)
    except RabbitError as error:
        return [_sentence(error, server)]
    try:
        with plain_errors():
            return _look(connection)
    except RabbitError as error:
        return [f"RabbitMQ does not answer: {error}"]
    finally:
        disconnect(connection)


def _look(connection: Any) -> list[str]:
    said = version(connection)
    numbers = tuple(int(part) for part in said.split(".")[:2] if part.isdecimal())
    if numbers < OLDEST and said:
        return [f"RabbitMQ {said} is too old: quorum queues need 3.8 or later."]
    try:
        _try_rights(connection)
    except AccessRefused as error:
        return [f"RabbitMQ lets us in and not work: {words_of(error)}. {RIGHTS}"]
    return []


def _try_rights(connection: Any) -> None:
    """Do what needs each right; nothing of it is left, and no message is touched."""
    trial = f"jobs.{uuid7()}"
    asking = open_channel(connection)
    asking.basic_publish(amqp.Message(b""), routing_key=trial)  # nobody has a queue of this name
    try:
        asking.queue_declare(channel("default"), passive=True)
    except NotFound:
        # The first consumer, or the first message, has to make it.
        making = open_channel(connection)
        making.queue_declare(trial, exclusive=True)
        making.basic_get(trial)


def _sentence(error: RabbitError, server: ServerUrl) -> str:
    cause = error.__cause__
    if isinstance(cause, AccessRefused):
        return "RabbitMQ does not know the user or the password in JOBS_BROKER_URL."
    if isinstance(cause, NotAllowed):
        return f"RabbitMQ does not let this user into the virtual host {server.vhost!r}."
    return f"RabbitMQ does not answer: {error}"
