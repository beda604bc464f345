"""Ports for the servers that tests and benchmarks start."""

from __future__ import annotations

import atexit
import socket
import sys
from typing import Final

_held: Final[list[socket.socket]] = []


def is_open(host: str, port: int) -> bool:
    """Whether a server takes connections there."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def free_port() -> int:
    """Return a port of 127.0.0.1 that a server may listen on, now and after each of its restarts.

    Linux gives it to nobody else while this process lives: a socket stays bound to it. With
    ``SO_REUSEADDR`` on both sides, as servers set it, that hinders none from listening, but no
    other process gets the port for port 0 or for an outgoing connection. Elsewhere a second socket
    could not be bound, so there the port is only free now.
    """
    holder = socket.socket()
    if sys.platform == "linux":
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    port = int(holder.getsockname()[1])
    if sys.platform == "linux":
        _held.append(holder)
    else:
        holder.close()
    return port


@atexit.register
def _release() -> None:
    for holder in _held:
        holder.close()
