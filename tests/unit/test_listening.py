"""A consumer's listener may break; the consumer goes on listening."""

from __future__ import annotations

from collections.abc import Callable, Collection
from types import SimpleNamespace
from typing import Any

from jobs.consumer.listener_thread import ListenerThread


class BrokenListener:
    """Breaks, then wakes up, then has the consumer stop."""

    queues: Collection[str] | None = None

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop
        self.waits = 0

    def close(self) -> None:
        """It holds nothing."""

    def wait(self, timeout: float) -> bool:
        self.waits += 1
        if self.waits == 1:
            raise ValueError("nobody thought of this")
        if self.waits == 3:
            self.stop()
        return self.waits == 2


def test_a_listener_that_breaks_is_tried_again() -> None:
    calls: list[str] = []
    signals: Any = SimpleNamespace(stopping=False, pause=lambda seconds: calls.append("pause"))
    polls: Any = SimpleNamespace(
        request_poll=lambda queues: calls.append("poll"), wait_until_polled=lambda seconds: None
    )
    maintenance: Any = SimpleNamespace(notified=lambda: None)

    def stop() -> None:
        calls.append("stop")
        signals.stopping = True

    ListenerThread(BrokenListener(stop), polls, maintenance, signals).run()
    assert calls == ["pause", "poll", "stop"]
