"""Sizes, times, numbers and statuses as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jobs.core import formatting
from jobs.core.states import Status

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *(
            (-1, "0 ms"),
            (0.0421, "42 ms"),
            (0.2, "0.2 s"),
            (9.94, "9.9 s"),
            (10, "10 s"),
            (59.4, "59 s"),
        ),
        *((59.6, "1 m"), (72, "1 m 12 s"), (3599.7, "1 h"), (11_100, "3 h 5 m")),
        *((90_000, "1 d 1 h"), (864_000, "10 d")),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert formatting.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0, "just now"), (0.9, "just now"), (1, "1 s ago"), (59.9, "59 s ago")),
        *((60, "1 min ago"), (3599, "59 min ago"), (3600, "1 h ago"), (86_399, "23 h ago")),
        *((86_400, "2026-04-30 12:00"), (-300, "in 5 min"), (-86_400, "2026-05-02 12:00")),
    ],
)
def test_times_relative_to_now(seconds: float, said: str) -> None:
    assert formatting.ago(NOW - timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        *((0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1500, "1.5 kB"), (12_345, "12 kB")),
        *((999_499, "999 kB"), (999_500, "1.0 MB"), (100 * 1024**2, "105 MB")),
        *((2_500_000_000, "2.5 GB"), (10**13, "10000 GB")),
    ],
)
def test_sizes(count: int, said: str) -> None:
    assert formatting.filesize(count) == said


def test_counts_with_their_noun() -> None:
    assert formatting.pluralize(1, "job") == "1 job"
    assert formatting.pluralize(0, "job") == "0 jobs"
    assert formatting.pluralize(1_200, "job") == "1,200 jobs"
    assert formatting.pluralize(2, "query", "queries") == "2 queries"


def test_long_text_is_cut_and_says_so() -> None:
    assert formatting.truncate("abc", 3) == "abc"
    assert formatting.truncate("abcd" * 1000, 3) == "abc\n… 3,997 characters more"


def test_each_status_has_its_own_icon() -> None:
    assert set(formatting.STATUS_ICONS) == set(Status)
    assert len(set(formatting.STATUS_ICONS.values())) == len(Status)
    assert all(len(shape) == 1 for shape in formatting.STATUS_ICONS.values())
