"""What may come early, to share an awakening, and what may not, because a job waits."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import maintenance, timer
from jobs.consumer.maintenance import Maintenance
from jobs.consumer.timer import Timer


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(timer, "time", made)
    return made


def test_a_timer_may_come_early_by_its_slack(clock: Clock) -> None:
    every_ten = Timer(10.0, slack=0.1)
    clock.now = 8.9
    assert not every_ten.is_due()
    clock.now = 9.1
    assert not every_ten.is_due(early=False)
    assert every_ten.is_due()
    clock.now = 19.2
    assert every_ten.is_due(early=False)


def test_nothing_comes_early_while_a_job_waits(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    done: list[str] = []
    monkeypatch.setattr(Maintenance, "_rescue_orphans", lambda me: done.append("rescue"))
    monkeypatch.setattr(Maintenance, "_run_tick", lambda me: done.append("tick"))
    settings.JOBS = {**settings.JOBS, "SWEEP_SECONDS": 3600}
    unused: Any = None
    polls: Any = SimpleNamespace(request_poll=lambda: None)
    made = Maintenance(unused, unused, polls, unused)
    made.run_due()
    done.clear()

    clock.now = maintenance.RESCUE_SECONDS * 0.95
    made.run_due(early=False)
    assert done == []
    made.run_due()
    assert done == ["rescue"]
