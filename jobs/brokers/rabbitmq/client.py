"""The client of RabbitMQ as all parts of this broker use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from .url import ServerUrl

CONNECT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 3.0
"""How long an answer is waited for: a server that is silent for longer is frozen."""
UNLIMITED: Final = 4
"""From this version on a quorum queue drops what was delivered 20 times, unless told otherwise."""


class RabbitError(Exception):
    """What the client or the server says is wrong, in a line."""


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn what the client raises into ``RabbitError``; it also raises what the system does."""
    from amqp.exceptions import AMQPError

    try:
        yield
    except TimeoutError as error:
        raise RabbitError("it does not answer") from error
    except (AMQPError, OSError) as error:
        raise RabbitError(words_of(error)) from error


def words_of(error: Exception) -> str:
    """Return the server's words for an error, or the client's."""
    return str(getattr(error, "message", "") or error or type(error).__name__)


def connect(server: ServerUrl, heartbeat: int = 0, answer_seconds: float = ANSWER_SECONDS) -> Any:
    """Return a connection that waits no longer than so many seconds for an answer.

    Args:
        server: where.
        heartbeat: seconds between signs of life; who asks for them calls ``heartbeat_tick``.
        answer_seconds: the longest wait for an answer.
    """
    import amqp  # late: it takes 0.05 s, which not every command needs

    tls: Any = False
    if server.tls:
        context = {"cafile": server.cafile or None, "check_hostname": True}
        options = {"server_hostname": server.host, "do_handshake_on_connect": False}
        tls = {"context": context, **options}
    connection = amqp.Connection(
        host=f"{_bracketed(server.host)}:{server.port}",
        userid=server.user,
        password=server.password,
        virtual_host=server.vhost,
        ssl=tls,
        connect_timeout=CONNECT_SECONDS,
        heartbeat=heartbeat,
        client_properties={"connection_name": "jobdesk"},
    )
    connection.connect()
    # The client has an option for it, which Windows would read as another number.
    connection.sock.settimeout(answer_seconds)
    return connection


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def open_channel(connection: Any) -> Any:
    """Return a new channel, whose bodies are bytes."""
    channel = connection.channel()
    channel.auto_decode = False
    return channel


def disconnect(connection: Any) -> None:
    """Close a connection, whatever state it is in; what it has not acknowledged is sent again."""
    with suppress(Exception):  # it is broken already, perhaps: then the server notices by itself
        connection.close()
    connection.collect()


def require_queue(connection: Any, name: str) -> None:
    """Declare a queue that is not there; one that is there is used as it is.

    What is refused closes a channel, so each attempt has its own.
    """
    from amqp.exceptions import NotFound, PreconditionFailed

    try:
        with open_channel(connection) as channel:
            # Asked first: a user who may send and receive need not be allowed to make queues.
            channel.queue_declare(name, passive=True)
            return
    except NotFound:
        pass
    quorum: dict[str, Any] = {"x-queue-type": "quorum"}
    if major_version(connection) >= UNLIMITED:
        quorum["x-delivery-limit"] = -1
    try:
        _declare(connection, name, quorum)
    except PreconditionFailed:  # a server without them
        _declare(connection, name, {})


def _declare(connection: Any, name: str, arguments: dict[str, Any]) -> None:
    with open_channel(connection) as channel:
        channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)


def version(connection: Any) -> str:
    """Return the server's version, as it says."""
    return str(connection.server_properties.get("version", ""))


def major_version(connection: Any) -> int:
    """Return the first number of the server's version, 0 if it says none."""
    first = version(connection).partition(".")[0]
    return int(first) if first.isdecimal() else 0
