"""UUIDs of version 7: RFC 9562, section 5.7 and 6.2."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Thread

import pytest

import jobs.core.uuid7 as module
from jobs.core.uuid7 import is_uuid, uuid7, uuid7_time


def test_ids_are_strictly_increasing() -> None:
    made = [uuid7() for _ in range(20_000)]
    assert all(a < b for a, b in pairwise(made))
    assert [str(one) for one in made] == sorted(str(one) for one in made)


def test_ids_of_many_threads_are_all_different() -> None:
    found: list[list[uuid.UUID]] = [[] for _ in range(8)]

    def make(into: list[uuid.UUID]) -> None:
        into.extend(uuid7() for _ in range(2_000))

    threads = [Thread(target=make, args=(into,)) for into in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(a < b for into in found for a, b in pairwise(into))
    assert len({one for into in found for one in into}) == 16_000


def test_the_fields_are_those_of_version_7() -> None:
    before = time.time_ns() // 1_000_000
    one = uuid7()
    assert one.version == 7
    assert one.variant == uuid.RFC_4122
    assert before <= one.int >> 80 <= before + 1_000 + 20_000 // 4_096
    made = uuid7_time(one)
    assert made is not None
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=1)


def test_the_last_62_bits_are_random() -> None:
    tails = {uuid7().int & ((1 << 62) - 1) for _ in range(1_000)}
    assert len(tails) == 1_000
    ones = [sum(tail >> bit & 1 for tail in tails) for bit in range(62)]
    assert min(ones) > 300
    assert max(ones) < 700


def test_ids_increase_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = uuid7()
    monkeypatch.setattr("jobs.core.uuid7.time.time_ns", lambda: 0)
    assert uuid7() > first


def test_a_full_counter_carries_into_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = (time.time_ns() // 1_000_000 + 3_600_000) * 1_000_000
    monkeypatch.setattr(module, "_last", 0)
    monkeypatch.setattr("jobs.core.uuid7.time.time_ns", lambda: moment)
    made = [uuid7() for _ in range(4_097)]
    assert all(a < b for a, b in pairwise(made))
    assert made[-1].int >> 80 == (made[0].int >> 80) + 1


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 2022),  # RFC 9562, appendix A.6
        ("c232ab00-9414-11ec-b3c8-9f6bdeced846", None),
        ("ffffffff-ffff-7fff-bfff-ffffffffffff", None),
    ],
)
def test_the_time_of_an_id(text: str, year: int | None) -> None:
    found = uuid7_time(uuid.UUID(text))
    assert (found.year if found else None) == year


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", True),
        ("", False),
        ("x", False),
        ("017f22e2", False),
    ],
)
def test_is_uuid(text: str, wanted: bool) -> None:
    assert is_uuid(text) is wanted
