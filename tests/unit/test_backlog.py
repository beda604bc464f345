"""For how long a count of what waits holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from types import SimpleNamespace

import pytest

from jobs.errors import QueueFull
from jobs.submission import backlog
from jobs.submission.limits import Limit

Ask = Callable[[float, int], tuple[int, int]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], Ask]]:
    """Return how a process asks for room: the second and how many; for how many there is room, and
    how often was counted until then."""
    backlog.forget_counts()
    now = [1000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("jobs.submission.backlog.time", clock)

    def of_quota(quota: int) -> Ask:
        counted: list[int] = []

        def count() -> int:
            counted.append(2000)
            return 2000

        limit = Limit(
            "q", ("q", quota), quota, count, lambda states: QueueFull("q", quota, 2, states)
        )

        def ask(second: float, wanted: int) -> tuple[int, int]:
            now[0] = 1000.0 + second
            return backlog.take_room([limit], wanted)[0], len(counted)

        return ask

    yield of_quota
    backlog.forget_counts()


def test_near_a_limit_it_holds_for_a_second(ask: Callable[[int], Ask]) -> None:
    small = ask(50_000)
    assert [small(second, 1)[1] for second in (0.0, 0.9, 1.1)] == [1, 1, 2]


def test_far_from_it_for_a_second_for_each_hundred_thousand(ask: Callable[[int], Ask]) -> None:
    large = ask(1_002_000)
    assert [large(second, 1)[1] for second in (0.0, 1.1, 9.9, 10.1)] == [1, 1, 1, 2]


def test_what_a_process_adds_is_counted_after_an_eighth_of_the_room(
    ask: Callable[[int], Ask],
) -> None:
    large = ask(802_000)
    assert [large(0.1, wanted) for wanted in repeat(50_000, 3)] == [(50_000, 1)] * 2 + [(50_000, 2)]
