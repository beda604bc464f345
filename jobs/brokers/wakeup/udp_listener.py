"""A bell for systems whose kernel tells nobody of a commit: who has committed knocks.

A consumer listens on a UDP port of 127.0.0.1 and leaves a file named for it in the data folder. It
costs nothing while nothing happens.

A datagram says no more than "ask SQLite now": a stray one does no harm, and what nobody knocked for
(a row that was written by hand) is found by asking now and then.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from jobs.core import process_lock

from .data_version import POLL_SECONDS, DataVersionListener
from .udp import HOST, port_file, send, udp

ASK_SECONDS = 0.25
TRY_SECONDS = 1.0
HEARD_AT_ONCE: Final = 300


class UdpListener(DataVersionListener):
    """Listens for knocks, and asks SQLite four times a second.

    Raises:
        OSError: no datagram gets through here.
    """

    def __init__(self, database: Path, data_dir: Path) -> None:
        self._socket = udp()
        try:
            self._socket.bind((HOST, 0))
            self._try()
            self._plate = port_file(self._port, data_dir)
            # Held as long as the port is ours: by the time another program may get it, whoever
            # would knock finds that the lock is free.
            self._lock = process_lock.hold(self._plate)
        except OSError:
            self._socket.close()
            raise
        super().__init__(database)

    @property
    def _port(self) -> int:
        return int(self._socket.getsockname()[1])

    def _try(self) -> None:
        """Knock at our own door: a sandbox may forbid it, or lose it without a word."""
        send([self._port])
        self._socket.settimeout(TRY_SECONDS)
        self._socket.recv(1)

    def _rest(self, seconds: float) -> None:
        """Wait for a knock and read all that are there: one question answers them all."""
        try:
            self._socket.settimeout(min(ASK_SECONDS, seconds))
            for _ in range(HEARD_AT_ONCE):
                self._socket.recv(65536)
                self._socket.settimeout(0.0)
        except (TimeoutError, BlockingIOError):
            pass
        except OSError:  # a socket that is of no use must not make this a busy loop
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Let who waits end, then let go of the port and its file."""
        if self._closed:
            return
        self._closed = True
        send([self._port])
        super().close()
        self._lock.release()
        process_lock.remove(self._plate)
        self._socket.close()
