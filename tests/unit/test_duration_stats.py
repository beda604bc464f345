"""When the jobs of a process count as quick."""

from __future__ import annotations

from jobs.consumer.duration_stats import FEWEST, MEMORY, QUICK_SECONDS, DurationStats


def stats_of(*durations: float) -> DurationStats:
    stats = DurationStats()
    for seconds in durations:
        stats.add(seconds)
    return stats


def test_a_few_quick_jobs_are_enough_to_know() -> None:
    assert not stats_of(*[0.0] * (FEWEST - 1)).is_quick
    assert stats_of(*[0.0] * FEWEST).is_quick


def test_one_slow_job_among_quick_ones_ends_it() -> None:
    stats = stats_of(*[0.0] * 100)
    stats.add(2 * MEMORY * QUICK_SECONDS)
    assert not stats.is_quick
    for _ in range(2 * MEMORY):
        stats.add(0.0)
    assert stats.is_quick


def test_slow_jobs_are_not_quick() -> None:
    assert not stats_of(*[2 * QUICK_SECONDS] * 50).is_quick
