"""A RabbitMQ of a test's own: stopped, frozen, robbed of its queue, started again."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.brokers.certificate import Certificate
from tests.brokers.own_server import OwnServer
from tests.ports import free_port, is_open

QUEUE = "jobs.default"
PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""The one on Debian's path asks for another user."""
RIGHTS = {"configure": r"^jobs\.", "write": r"^amq\.default$", "read": r"^jobs\."}
USERS = {
    "guest": ("guest", dict.fromkeys(RIGHTS, ".*")),
    "desk": ("s3cret", RIGHTS),
    "visitor": ("s3cret", dict.fromkeys(RIGHTS, "^$")),
}
"""The password and the rights of each user."""


class RabbitServer(OwnServer):
    """One node; what it keeps survives a restart."""

    def __init__(
        self,
        folder: Path,
        certificate: Certificate | None = None,
        *,
        host: str = "127.0.0.1",
        namespace: str = "",
    ) -> None:
        if not Path(PROGRAM).exists():
            pytest.skip("rabbitmq-server is not installed")
        self.port, self.tls_port = free_port(), free_port()
        self.url = f"amqp://{host}:{self.port}"
        self._epmd = {**os.environ, "ERL_EPMD_PORT": str(free_port())}
        self._write_settings(folder, host, certificate)
        environment = {
            **self._epmd,
            "HOME": str(folder),  # where it keeps its cookie
            "RABBITMQ_ALLOW_INPUT": "1",  # the process that is started is the server
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        super().__init__(
            [PROGRAM],
            lambda: is_open(host, self.port),
            namespace=namespace,
            patience=120,
            environment=environment,
        )

    def _write_settings(self, folder: Path, host: str, certificate: Certificate | None) -> None:
        lines = {
            "listeners.tcp.1": f"{host}:{self.port}",
            "load_definitions": folder / "definitions.json",
            "loopback_users.guest": "false",
            "disk_free_limit.absolute": "1MB",
        }
        if certificate is not None:
            lines |= {
                "listeners.ssl.1": f"{host}:{self.tls_port}",
                "ssl_options.certfile": certificate.cert,
                "ssl_options.keyfile": certificate.key,
            }
        text = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (folder / "rabbitmq.conf").write_text(text)
        (folder / "definitions.json").write_text(json.dumps(_definitions()))

    def client(self) -> Any:
        """A connection of its administrator."""
        import amqp

        connection = amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=5)
        connection.connect()
        return connection

    def empty(self) -> None:
        """Delete the queue with all that is in it."""
        with closing(self.client()) as client:
            client.channel().queue_delete(QUEUE)

    def stop(self) -> None:
        """End it at once, and the program that tells Erlang's nodes of each other."""
        super().stop()
        epmd = shutil.which("epmd") or "epmd"
        subprocess.run(
            [epmd, "-kill"], check=False, env=self._epmd, capture_output=True, timeout=30
        )


def _definitions() -> dict[str, Any]:
    users = [{"name": name, "password_hash": _hash(USERS[name][0]), "tags": ""} for name in USERS]
    rights = [{"user": name, "vhost": "/", **USERS[name][1]} for name in USERS]
    return {"users": users, "vhosts": [{"name": "/"}], "permissions": rights}


def _hash(password: str) -> str:
    salt = b"salt"
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
