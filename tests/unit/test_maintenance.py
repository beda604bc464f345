"""What comes early, to share an awakening, and what does not, for a job waits."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.consumer import maintenance
from jobs.consumer.maintenance import Maintenance, Timer
from jobs.consumer.slots import Slots


class Clock:
    """Stands still until it is told."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(maintenance, "time", made)
    return made


def test_a_timer_may_come_early_by_its_slack(clock: Clock) -> None:
    timer = Timer(10.0, slack=0.1)
    clock.now = 8.9
    assert not timer.is_due()
    clock.now = 9.1
    assert not timer.is_due(early=False)
    assert timer.is_due()
    clock.now = 19.2
    assert timer.is_due(early=False)


def test_nothing_comes_early_while_a_job_waits(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    done: list[str] = []
    monkeypatch.setattr(Maintenance, "_rescue_orphans", lambda me: done.append("rescue"))
    monkeypatch.setattr(Maintenance, "_look_around", lambda me: done.append("look"))
    settings.JOBS = {**settings.JOBS, "SWEEP_SECONDS": 3600}
    made = Maintenance(Slots(["default"], 1, "here:7"), lambda: pytest.fail("nobody asked"))
    made()
    done.clear()

    clock.now = maintenance.RESCUE_SECONDS * 0.95
    made(early=False)
    assert done == []
    made()
    assert done == ["rescue"]
