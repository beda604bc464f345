"""Wakes the consumers of an SQLite file by UDP: the sender's side (``udp_listener`` is the other).

A consumer listens on a port of 127.0.0.1 and leaves a *port file* named for it in the data folder.
After a commit a datagram is sent to each of these ports. Only the lock on its port file proves that
a port is still a consumer's: a dead consumer's port may belong to another program by now.
Where no consumer listens, this lists a folder once a second and does nothing else.

An idle consumer starts a job 1.25 ms after the submission has returned (the median of 150; 1.22 ms
with inotify, which only Linux has). A consumer that shares the folder and not the network, as
containers with one volume may, finds it by polling, within a quarter of a second.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
FOLDER: Final = "listeners"
KNOWN_SECONDS = 1.0
"""For so long the ports that were found are taken for all there are."""
TRUSTED_SECONDS = 10.0
"""For so long a port is trusted to be its consumer's without new proof, which takes 0.2 ms."""


@dataclass(frozen=True, slots=True)
class _KnownPorts:
    """The ports of the consumers that use a data folder, and until when each is trusted."""

    until: float
    ports: dict[int, float]


_known: dict[Path, _KnownPorts] = {}


def wake_up(data_dir: Path) -> None:
    """Wake the consumers that listen; a datagram reaches them within a millisecond."""
    known = _known.get(data_dir)
    if known is None or time.monotonic() >= known.until:
        known = _known[data_dir] = _find_ports(data_dir / FOLDER, known)
    if known.ports:
        send(known.ports)


def port_file(port: int, data_dir: Path) -> Path:
    """Return the file that says that a consumer listens on a port; the consumer locks it."""
    return data_dir / FOLDER / f"{port}.lock"


def _find_ports(folder: Path, before: _KnownPorts | None) -> _KnownPorts:
    now = time.monotonic()
    found: dict[int, float] = {}
    with suppress(OSError):  # no such folder: nobody listens
        for file in folder.iterdir():
            port = int(file.stem) if file.stem.isdecimal() else 0
            until = before.ports.get(port, now) if before is not None else now
            if until > now:
                found[port] = until
            elif port and not _is_dead(file):
                found[port] = now + TRUSTED_SECONDS
    return _KnownPorts(now + KNOWN_SECONDS, found)


def _is_dead(file: Path) -> bool:
    """Whether no consumer owns the port any more; then its file is removed."""
    from jobs.core import process_lock  # late: where nobody listens, nobody pays for it

    return process_lock.remove_if_free(file)


def send(ports: Collection[int]) -> None:
    """Send a datagram to each port. One that does not get through is no error."""
    # A new socket each time: one of the whole process would be shared with forks, and Windows
    # reports the errors of earlier datagrams on an old one.
    with suppress(OSError), new_socket() as sender:
        sender.setblocking(False)
        for port in ports:
            with suppress(OSError):
                sender.sendto(b"!", (HOST, port))


def new_socket() -> socket.socket:
    """Return a new UDP socket; no child process inherits it."""
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
