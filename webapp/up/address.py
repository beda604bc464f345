"""Where ``up`` listens, and the address that is printed to be opened."""

from __future__ import annotations

import errno
import os
import socket

from django.conf import settings

from . import StartupError

ANY_HOST = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  (compared with, not bound)
_WINDOWS_IN_USE = frozenset({10013, 10048})  # in use exclusively; in use


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        StartupError: the port is taken or needs other rights, or the host is not this machine's.
    """
    if not 0 <= port <= 65535:
        raise StartupError(f"--port must be between 0 and 65535, not {port}.")
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise StartupError(f"--host {host} is not an address of this machine: {error}.") from None
    family, kind, protocol, _name, where = found[0]
    sock = socket.socket(family, kind, protocol)
    try:
        _set_exclusive(sock)
        sock.bind(where)
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise StartupError(_explain(error, host, port)) from None
    return sock


def _set_exclusive(sock: socket.socket) -> None:
    if os.name == "nt":
        # On Windows SO_REUSEADDR would let a second `up` take the port from the first.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined, unused-ignore]
    else:
        # Elsewhere it only forgives connections that linger after a restart.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE or getattr(error, "winerror", 0) in _WINDOWS_IN_USE:
        return (
            f"Port {port} on {host} is taken, perhaps by another `up`. "
            "Stop that one, or choose another port: "
            f"`python manage.py up --port {_another_port(port)}`."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} is not yours to use. Choose one from 1024: `--port 8000`."
    return f"--host {host} is not an address of this machine ({error.strerror or error})."


def _another_port(port: int) -> int:
    return port + 1 if port < 65535 else 8000


def allow_host(host: str) -> bool:
    """Allow requests to this host; return whether every host name is allowed now.

    ALLOWED_HOSTS in the environment is left as it is.
    """
    if os.environ.get("ALLOWED_HOSTS", "").strip():
        return False
    if host in ANY_HOST:
        # We can't know by which names this machine (or the container's host) is reached.
        settings.ALLOWED_HOSTS = ["*"]
        return True
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, _bracketed(host)]
    return False


def base_url(host: str, port: int) -> str:
    """Return the address to open, without a slash at its end."""
    if settings.HTTPS:
        return f"https://{_public_name(host)}"
    return f"http://{_public_name(host)}:{port}"


def _public_name(host: str) -> str:
    local = "127.0.0.1" if host in ANY_HOST else _bracketed(host)
    names = [name.lstrip(".") for name in settings.ALLOWED_HOSTS]
    named = [name for name in names if name not in {"*", "127.0.0.1", "localhost", "[::1]"}]
    if settings.HTTPS or not {"*", local} & set(names):
        return named[0] if named else local
    return local


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
