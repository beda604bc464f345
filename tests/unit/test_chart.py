"""The bars of the dashboard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from jobs.admin.chart import HEIGHT, STEP, HourCount, chart

START = datetime(2026, 5, 1, tzinfo=UTC)


def hours(*counts: int) -> list[HourCount]:
    return [HourCount(START + timedelta(hours=hour), count) for hour, count in enumerate(counts)]


def test_heights_are_in_proportion_and_one_job_is_seen() -> None:
    found = chart(hours(0, 1, 500, 1000), cap=10_000)
    assert [bar.height for bar in found.bars] == [0, 2, HEIGHT // 2, HEIGHT]
    assert all(bar.y + bar.height == HEIGHT for bar in found.bars)
    assert found.top == 1000
    assert found.width == 4 * STEP
    assert found.description == "1,501 jobs finished in 4 hours, at most 1,000 in one."


def test_bars_stand_side_by_side() -> None:
    found = chart(hours(1, 2, 3), cap=10).bars
    assert all(a.x + a.width < b.x for a, b in pairwise(found))


def test_a_count_at_the_cap_is_marked_as_such() -> None:
    found = chart(hours(99, 100), cap=100).bars
    assert found[0].description == "00:00 to 00:59: 99 jobs"
    assert found[1].description == "01:00 to 01:59: 100 jobs or more"


def test_an_empty_day() -> None:
    found = chart(hours(*[0] * 24), cap=100)
    assert {bar.height for bar in found.bars} == {0}
    assert len(found.hours) == 6
    assert found.description.startswith("0 jobs finished")
