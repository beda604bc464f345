"""A consumer's bell may break; the consumer goes on listening."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

from jobs.consumer.process import ConsumerProcess


class Bell:
    """Breaks, then rings."""

    queues: Collection[str] | None = None

    def __init__(self, stop: Any) -> None:
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


def test_a_bell_that_breaks_is_tried_again() -> None:
    heard: list[str] = []
    desk = SimpleNamespace(
        stopping=lambda: "stop" in heard,
        pause=lambda seconds: heard.append("pause"),
        look=lambda queues: heard.append("look"),
        wait_until_looked=lambda seconds: None,
    )
    process: Any = SimpleNamespace(desk=desk, _chores=SimpleNamespace(rang=lambda: None))
    ConsumerProcess._listen(process, Bell(lambda: heard.append("stop")))
    assert heard == ["pause", "look", "stop"]
