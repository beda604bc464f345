"""The pause before a failed job runs again."""

from __future__ import annotations

import random

import pytest

from jobs.core.backoff import BASE, CEILING, backoff_seconds


@pytest.mark.parametrize("failures", [1, 2, 3, 8, 9, 30, 31, 1000, 10**6])
def test_the_pause_is_between_half_and_all_of_a_doubling_step(failures: int) -> None:
    whole = min(CEILING, BASE * 2.0 ** min(failures - 1, 100))
    drawn = [backoff_seconds(failures, random.Random(seed)) for seed in range(200)]
    assert whole / 2 <= min(drawn) <= max(drawn) <= whole
    assert len(set(drawn)) > 100


def test_the_first_retry_is_never_immediate() -> None:
    assert backoff_seconds(1) >= BASE / 2


def test_a_seed_gives_the_same_pause() -> None:
    assert backoff_seconds(3, random.Random(7)) == backoff_seconds(3, random.Random(7))
