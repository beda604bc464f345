"""What a URL says of a RabbitMQ server: ``amqp://user:password@host:5672/vhost``.

``amqps://`` is TLS; ``?cafile=/path/ca.pem`` names an authority of one's own. Without a path it is
the virtual host ``/``; in a name and a password, ``%2F`` stands for a slash and ``%40`` for an @.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from jobs.errors import BrokerError

PORT: Final = 5672
TLS_PORT: Final = 5671
_KNOWN: Final = ("cafile",)


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """A server, and how to log in there. ``cafile`` is "" for the system's own authorities."""

    host: str
    port: int
    user: str
    password: str
    vhost: str
    tls: bool
    cafile: str = ""


def server_of(url: str) -> ServerUrl:
    """Return what a URL says.

    Raises:
        BrokerError: it names no server, or something that is not known. The password is not in it.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BrokerError("JOBS_BROKER_URL: the port must be a number up to 65,535.") from None
    if not host:
        raise BrokerError("JOBS_BROKER_URL names no RabbitMQ server. Write amqp://host:5672.")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - set(_KNOWN)):
        raise BrokerError(f"JOBS_BROKER_URL: unknown: {unknown[0]}. Known: {', '.join(_KNOWN)}.")
    tls = parts.scheme == "amqps"
    return ServerUrl(
        host=host,
        port=port or (TLS_PORT if tls else PORT),
        user=unquote(parts.username or "guest"),
        password=unquote(parts.password or "guest"),
        vhost=unquote(parts.path[1:]) or "/",
        tls=tls,
        cafile=options.get("cafile", ""),
    )
