"""Claims run on plain threads, and nothing ends the thread that feeds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from jobs.brokers import plain_threads
from tests.waiting import wait_until


class Port:
    """Gives one batch of claims, after an error."""

    def __init__(self) -> None:
        self._batches: list[list[int]] = [[1, 2, 3]]
        self._fails = True
        self.ran: list[int] = []
        self.stopped = False

    def take(self, queue: str) -> Sequence[Any]:
        if self._fails:
            self._fails = False
            raise RuntimeError("no claims")
        return self._batches.pop() if self._batches else []

    def run(self, claim: int) -> None:
        self.ran.append(claim)

    def stopping(self) -> bool:
        return self.stopped

    def pause(self, seconds: float) -> None:
        """No time passes here."""


def test_every_claim_runs_though_taking_failed_once(caplog: pytest.LogCaptureFixture) -> None:
    port: Any = Port()
    plain_threads.start(["q"], port, 2)
    wait_until(lambda: sorted(port.ran) == [1, 2, 3])
    port.stopped = True
    assert "Jobs of q could not be taken. Trying again." in caplog.text
