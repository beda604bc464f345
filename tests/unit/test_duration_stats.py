"""When a consumer takes ahead."""

from __future__ import annotations

from jobs.consumer.duration_stats import FEWEST, MEMORY, QUICK_SECONDS, DurationStats


def noted(*seconds: float) -> DurationStats:
    pace = DurationStats()
    for one in seconds:
        pace.note(one)
    return pace


def test_a_few_quick_jobs_are_enough_to_know() -> None:
    assert not noted(*[0.0] * (FEWEST - 1)).is_quick
    assert noted(*[0.0] * FEWEST).is_quick


def test_one_slow_job_among_quick_ones_ends_it() -> None:
    pace = noted(*[0.0] * 100)
    pace.note(2 * MEMORY * QUICK_SECONDS)
    assert not pace.is_quick
    for _ in range(2 * MEMORY):
        pace.note(0.0)
    assert pace.is_quick


def test_slow_jobs_are_slow() -> None:
    assert not noted(*[2 * QUICK_SECONDS] * 50).is_quick
