"""A thread that listens at a bell, for tests of what wakes it."""

from __future__ import annotations

import threading

from jobs.brokers.wakeup.udp_listener import UdpListener
from tests.waiting import wait_until


class Listener:
    """A thread that waits for a ring, and how often it has gone to sleep for it."""

    def __init__(self, bell: UdpListener) -> None:
        self.rang: bool | None = None
        self.slept = 0
        self._rest, bell._rest = bell._rest, self._sleep  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._listen, args=(bell,), daemon=True)
        self._thread.start()
        self.wait_asleep(1)

    def _listen(self, bell: UdpListener) -> None:
        self.rang = bell.wait(30.0)

    def _sleep(self, seconds: float) -> None:
        self.slept += 1
        self._rest(seconds)

    def wait_asleep(self, times: int) -> None:
        wait_until(lambda: self.slept >= times, timeout=10, what="a listener that listens")

    def answer(self) -> bool | None:
        self._thread.join(10)
        return self.rang
