"""How much is deleted at once, and how long the pauses are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs.consumer.prune_pace import FAR_BEHIND, FEWEST, FIRST, MOST, PrunePace

NOTHING = timedelta()


@pytest.mark.parametrize("per_row", [0.00001, 0.0001, 0.0002, 0.001, 0.01])
@pytest.mark.parametrize(("vendor", "seconds"), [("sqlite", 0.05), ("postgresql", 0.5)])
def test_a_chunk_is_as_large_as_fits_into_its_time(
    vendor: str, seconds: float, per_row: float
) -> None:
    pace = PrunePace(vendor)
    for _ in range(20):
        pace.adapt(pace.limit * per_row, pace.limit)
    assert pace.limit == max(FEWEST, min(MOST, int(seconds / per_row + 1e-9)))


def test_one_slow_chunk_halves_it_at_most() -> None:
    pace = PrunePace("sqlite")
    pace.adapt(60.0, pace.limit)
    assert pace.limit == FIRST // 2
    pace.adapt(0.0, pace.limit)
    assert pace.limit == FIRST


def test_a_chunk_that_was_not_full_says_nothing() -> None:
    pace = PrunePace("sqlite")
    pace.adapt(60.0, pace.limit - 1)
    assert pace.limit == FIRST


@pytest.mark.parametrize(
    ("overdue", "share"), [(NOTHING, 0.2), (FAR_BEHIND / 2, 0.35), (FAR_BEHIND, 0.5)]
)
def test_the_further_it_is_behind_the_more_of_the_time_it_takes(
    overdue: timedelta, share: float
) -> None:
    pause = PrunePace("sqlite").pause(0.1, overdue, 1)
    assert 0.1 / (0.1 + pause) == pytest.approx(share)


def test_it_never_takes_more_than_half_the_time() -> None:
    assert PrunePace("sqlite").pause(0.1, timedelta(days=400), 1) == pytest.approx(0.1)


def test_all_consumers_together_take_one_share() -> None:
    pause = PrunePace("sqlite").pause(0.1, NOTHING, 4)
    assert 4 * 0.1 / (0.1 + pause) == pytest.approx(0.2)
    # Its own row may be gone.
    assert PrunePace("sqlite").pause(0.1, NOTHING, 0) == PrunePace("sqlite").pause(0.1, NOTHING, 1)
