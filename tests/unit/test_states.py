"""The statuses and the ways between them."""

from __future__ import annotations

from itertools import product

import pytest

from jobs.core import states
from jobs.core.states import (
    COUNTED_FAILURES,
    FINAL,
    TRANSITIONS,
    UNFINISHED,
    WAITING,
    AttemptOutcome,
    Status,
)
from tests.unit.ascii_diagram import Diagram

REQUEST = "(request)"


def drawn() -> set[tuple[str, str]]:
    art = (states.__doc__ or "").partition("::\n")[2].partition("The table")[0]
    return Diagram(art, [*Status.values, REQUEST]).edges()


def test_the_drawing_shows_the_ways_of_the_table_and_no_others() -> None:
    table = {(a.value, b.value) for a, targets in TRANSITIONS.items() for b in targets}
    begins = {(REQUEST, Status.QUEUED.value), (REQUEST, Status.SCHEDULED.value)}
    assert drawn() == table | begins


@pytest.mark.parametrize(
    ("art", "edges"),
    [
        ("queued --> running", {("queued", "running")}),
        ("queued   running", set()),
        ("queued --claim--> running", {("queued", "running")}),
        ("queued --> running  failed, really", {("queued", "running")}),
        ("failed, cancelled --> queued", {("failed", "queued"), ("cancelled", "queued")}),
        ("queued\n  ^\n  +-- running", set()),
        ("queued\n  ^\nrunning", {("running", "queued")}),
        ("running\n  |\n  +--> failed", {("running", "failed")}),
        (
            "       queued\n         ^\nrunning -+--> failed",
            {("running", "queued"), ("running", "failed")},
        ),
        (
            "        queued  failed\n          ^       ^\nrunning --|-------+\n          |",
            {("running", "failed")},
        ),
    ],
)
def test_the_reader_of_drawings_reads(art: str, edges: set[tuple[str, str]]) -> None:
    assert Diagram(art, Status.values).edges() == edges


def test_each_status_is_unfinished_or_final() -> None:
    assert set(Status) == FINAL | UNFINISHED
    assert not FINAL & UNFINISHED
    assert WAITING < UNFINISHED
    assert set(TRANSITIONS) == set(Status)


def test_only_a_retry_leads_out_of_a_final_status() -> None:
    for before, after in product(FINAL, Status):
        allowed = before != Status.SUCCEEDED and after == Status.QUEUED
        assert (after in TRANSITIONS[before]) == allowed


def test_released_and_lost_attempts_are_free() -> None:
    assert set(AttemptOutcome) - COUNTED_FAILURES == {
        AttemptOutcome.SUCCEEDED,
        AttemptOutcome.CANCELLED,
        AttemptOutcome.RELEASED,
        AttemptOutcome.LOST,
    }


def test_the_words_are_those_of_the_pages() -> None:
    assert [status.label for status in Status] == [
        *("later", "waiting", "running", "done", "failed", "cancelled")
    ]
