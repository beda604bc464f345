"""A thread that waits on a listener, for tests of what wakes it."""

from __future__ import annotations

import threading

from jobs.brokers.wakeup.udp_listener import UdpListener
from tests.waiting import wait_until


class ListeningThread:
    """A thread that waits for a notification, and how often it has gone to sleep for it."""

    def __init__(self, listener: UdpListener) -> None:
        self.woken: bool | None = None
        self.slept = 0
        self._sleep, listener._sleep = listener._sleep, self._count  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._listen, args=(listener,), daemon=True)
        self._thread.start()
        self.wait_asleep(1)

    def _listen(self, listener: UdpListener) -> None:
        self.woken = listener.wait(30.0)

    def _count(self, seconds: float) -> None:
        self.slept += 1
        self._sleep(seconds)

    def wait_asleep(self, times: int) -> None:
        wait_until(lambda: self.slept >= times, timeout=10, what="a listener that listens")

    def result(self) -> bool | None:
        """What ``wait`` returned; None if it has not."""
        self._thread.join(10)
        return self.woken
