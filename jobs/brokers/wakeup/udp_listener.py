"""A consumer's UDP port: after a commit to the SQLite file, a datagram is sent to it.

It works the same on every system, and costs nothing while nothing happens. A datagram says no more
than "ask SQLite now": a stray one does no harm, and a commit without a datagram (a row written
by hand) is found by asking four times a second.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from jobs.core import process_lock

from .data_version import POLL_SECONDS, DataVersionListener
from .udp import HOST, new_socket, port_file, send

ASK_SECONDS = 0.25
TEST_SECONDS = 1.0
MOST_AT_ONCE: Final = 300


class UdpListener(DataVersionListener):
    """Waits for datagrams, and asks SQLite four times a second.

    Raises:
        OSError: no datagram gets through here.
    """

    def __init__(self, database: Path, data_dir: Path) -> None:
        self._socket = new_socket()
        try:
            self._socket.bind((HOST, 0))
            self._test()
            self._port_file = port_file(self._port, data_dir)
            # Held as long as the port is ours: by the time another program may get the port,
            # senders find that the lock is free.
            self._lock = process_lock.hold(self._port_file)
        except OSError:
            self._socket.close()
            raise
        super().__init__(database)

    @property
    def _port(self) -> int:
        return int(self._socket.getsockname()[1])

    def _test(self) -> None:
        """Send to our own port: a sandbox may forbid it, or lose datagrams without a word."""
        send([self._port])
        self._socket.settimeout(TEST_SECONDS)
        self._socket.recv(1)

    def _sleep(self, seconds: float) -> None:
        """Wait for a datagram and read all that are there: one question serves them all."""
        try:
            self._socket.settimeout(min(ASK_SECONDS, seconds))
            for _ in range(MOST_AT_ONCE):
                self._socket.recv(65536)
                self._socket.settimeout(0.0)
        except (TimeoutError, BlockingIOError):
            pass
        except OSError:  # a broken socket must not make this a busy loop
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """End a running ``wait``, then give up the port and its file."""
        if self._closed:
            return
        self._closed = True
        send([self._port])
        super().close()
        self._lock.release()
        process_lock.remove(self._port_file)
        self._socket.close()
