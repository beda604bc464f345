"""Who has committed knocks at the port of each consumer that listens (``loopback``).

Whose port it is, is proven by the lock of the file that names it: a dead consumer's port may belong
to another program by now. Where no consumer listens, which is so wherever the kernel tells of
commits, it costs a look at a folder each second.
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
FOLDER: Final = "bells"
KNOWN_SECONDS = 1.0
"""So long the ports that were found are taken for all there are."""
TRUSTED_SECONDS = 10.0
"""So long a port is taken for its consumer's without new proof, which takes 0.2 ms."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The ports of the consumers that use a data folder, and until when each is trusted."""

    until: float
    ports: dict[int, float]


_known: dict[Path, _Known] = {}


def wake_up(data_dir: Path) -> None:
    """Tell the consumers that listen of a commit; they hear it within a millisecond."""
    known = _known.get(data_dir)
    if known is None or time.monotonic() >= known.until:
        known = _known[data_dir] = _look_around(data_dir / FOLDER, known)
    if known.ports:
        send(known.ports)


def port_file(port: int, data_dir: Path) -> Path:
    """Return the file that says that a consumer listens there, and is locked by it."""
    return data_dir / FOLDER / f"{port}.lock"


def _look_around(folder: Path, before: _Known | None) -> _Known:
    now = time.monotonic()
    found: dict[int, float] = {}
    with suppress(OSError):  # no such folder: nobody listens
        for plate in folder.iterdir():
            port = int(plate.stem) if plate.stem.isdecimal() else 0
            until = before.ports.get(port, now) if before is not None else now
            if until > now:
                found[port] = until
            elif port and not _is_dead(plate):
                found[port] = now + TRUSTED_SECONDS
    return _Known(now + KNOWN_SECONDS, found)


def _is_dead(plate: Path) -> bool:
    """Whether no consumer owns the port any more; then its file goes."""
    from jobs.core import process_lock  # late: where nobody listens, nobody pays for it

    return process_lock.remove_if_free(plate)


def send(ports: Collection[int]) -> None:
    """Send a datagram to each port. What does not get through is no error."""
    # A socket for each time: one of the whole process would be shared with forks, and Windows
    # gives an old one back the errors of earlier datagrams.
    with suppress(OSError), udp() as sender:
        sender.setblocking(False)
        for port in ports:
            with suppress(OSError):
                sender.sendto(b"!", (HOST, port))


def udp() -> socket.socket:
    """Return a new UDP socket; no child process inherits it."""
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
