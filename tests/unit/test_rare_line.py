"""A database that is away for hours is a line a minute, which says how long it has been away."""

from __future__ import annotations

import logging

import pytest
from django.db import OperationalError, ProgrammingError

from jobs.api import exception_handlers
from jobs.consumer import batch_writer
from jobs.consumer.pruner import Pruner
from jobs.consumer.shutdown import Shutdown
from jobs.core import rare_line
from jobs.core.rare_line import RareLine
from jobs.errors import Unavailable

AWAY = OperationalError("connection refused\n\tIs the server running?")


class Clock:
    """Stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoDatabase:
        vendor = "sqlite"

        def close(self) -> None: ...

        close_if_unusable_or_obsolete = close

    monkeypatch.setattr(batch_writer, "connection", NoDatabase)
    monkeypatch.setattr(batch_writer, "reconnect_after", lambda error: None)
    monkeypatch.setattr(exception_handlers, "reconnect_after", lambda error: None)
    monkeypatch.setattr("jobs.consumer.pruner.connection", NoDatabase)


def test_one_that_lasts_is_said_once_a_minute_with_its_length(clock: Clock) -> None:
    line, said = RareLine(clock), []
    for _ in range(3 * 3600):
        said.append(line.due())
        clock.now += 1
    found = [text for text in said if text is not None]
    assert found[:3] == ["", " for 1 min", " for 2 min"]
    assert (found[-1], len(found)) == (" for 2 h 59 min", 180)


def test_each_kind_has_its_own_minute(clock: Clock) -> None:
    line = RareLine(clock)
    assert [line.due("away"), line.due("full"), line.due("away")] == ["", "", None]


@pytest.mark.parametrize("is_told", [True, False])
def test_the_next_one_is_a_new_one(clock: Clock, is_told: bool) -> None:
    line = RareLine(clock)
    line.due()
    if is_told:
        line.over()
    else:
        clock.now += 61
    assert line.due() == ""


def test_kinds_without_end_take_no_room(clock: Clock) -> None:
    line = RareLine(clock)
    for number in range(rare_line.MOST_KINDS * 10):
        assert line.due(number) == ""
    assert len(line._faults) <= rare_line.MOST_KINDS


def test_the_batch_writer(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    pacer = batch_writer.Pacer(clock)
    for _ in range(200):
        pacer.failed(AWAY)
        clock.now += 1
    pacer.succeeded()
    pacer.failed(AWAY)
    begin = "The database cannot be written"
    text = "connection refused Is the server running?. Trying again."
    assert caplog.messages == [
        *(f"{begin}{how_long}: {text}" for how_long in ("", *(f" for {n} min" for n in (1, 2, 3)))),
        "The database is back.",
        f"{begin}: {text}",
    ]


def test_the_batch_writer_and_a_bug(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """It was a traceback every second."""
    pacer = batch_writer.Pacer(clock)
    for error in (ValueError("a bug"), ProgrammingError("no such table")):
        for _ in range(3):
            pacer.failed(error)
    assert caplog.messages == ["Unexpected. Trying again."] * 2


def test_all_requests_together(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(exception_handlers, "unusable_database", RareLine(clock))
    for _ in range(3):
        for error in (AWAY, Unavailable("The disk is full.", cause=str(clock.now))):
            assert exception_handlers.to_problem(error) is not None
        clock.now += 30
    assert [text.partition(": ")[0] for text in caplog.messages] == [
        "The database cannot be used",
        "Not possible now",
        "The database cannot be used for 1 min",
        "Not possible now for 1 min",
    ]
    assert all("\n" not in text for text in caplog.messages)


def test_the_pruner_says_it_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pruner = Pruner(Shutdown())

    def refuse(now: object) -> None:
        raise AWAY

    with caplog.at_level(logging.INFO, logger="jobs"):
        monkeypatch.setattr(pruner, "prune_all", refuse)
        for _ in range(5):
            pruner._try(pruner._prune)
        monkeypatch.setattr(pruner, "prune_all", lambda now: None)
        pruner._try(pruner._prune)
        monkeypatch.setattr(pruner, "prune_all", refuse)
        pruner._try(pruner._prune)
    once = "What is old could not be deleted now: connection refused Is the server running?"
    assert caplog.messages == [once] * 2
