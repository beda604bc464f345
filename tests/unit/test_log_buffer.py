"""A log's text on its way: whole lines, the beginning and the end, never more than its bounds."""

from __future__ import annotations

import gc
import re
import threading
import time
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.consumer.attempt import Attempt
from jobs.consumer.batch import Batch
from jobs.consumer.log_buffer import LONGEST_OPEN_LINE, PACED_CHARACTERS, LogBuffer, heading
from jobs.consumer.pending_writes import PendingWrites
from tests.claims import make_claim

STAMP = "00:00:00 "


@pytest.fixture(autouse=True)
def midnight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)


def drained(buffer: LogBuffer, *, final: bool = True, now: float = 0.0) -> str:
    text = buffer.drain(now, final=final)
    assert text.skipped == 0
    assert text.end == ""
    return text.text


def lines(text: str) -> list[str]:
    return [line.removeprefix(STAMP) for line in text.splitlines()]


def test_each_line_gets_the_time() -> None:
    buffer = LogBuffer(1000)
    buffer.add("one\ntw")
    buffer.add("o\n")
    buffer.add_line("three")
    assert drained(buffer) == f"{STAMP}one\n{STAMP}two\n{STAMP}three\n"


def test_the_time_is_the_sites(settings: Any) -> None:
    buffer = LogBuffer(1000)
    settings.TIME_ZONE = "Asia/Kathmandu"
    buffer.add("early\n")
    assert drained(buffer) == "05:30:00 early\n"
    assert "1970-01-01 05:30:00 +0530, here:7 ---" in heading(2, "here:7")


def test_a_site_without_time_zones_can_log(settings: Any) -> None:
    settings.USE_TZ = False
    buffer = LogBuffer(1000)
    buffer.add("x\n")
    assert lines(drained(buffer)) == ["x"]


def test_a_line_that_has_not_ended_is_seen_and_goes_on() -> None:
    buffer = LogBuffer(1000)
    buffer.add("working")
    assert drained(buffer, final=False) == f"{STAMP}working"
    buffer.add("... done\nnext\n")
    assert drained(buffer, final=False) == f"... done\n{STAMP}next\n"


def test_a_logged_line_ends_the_one_before() -> None:
    buffer = LogBuffer(1000)
    buffer.add("working")
    buffer.add_line("INFO x: y")
    assert lines(drained(buffer)) == ["working", "INFO x: y"]


def test_a_progress_bar_is_kept_as_it_was_last() -> None:
    buffer = LogBuffer(100_000)
    for percent in range(101):
        buffer.add(f"\r{percent:3}%|{'#' * percent}")
        assert drained(buffer, final=False) == ""
        if percent == 50:
            buffer.add_line("INFO halfway")
            assert lines(drained(buffer, final=False)) == ["INFO halfway"]
    buffer.add("\nafter\r\n")
    assert lines(drained(buffer, final=False)) == [f"100%|{'#' * 100}", "after"]


def test_a_bar_that_does_not_end_is_in_the_log_at_the_end() -> None:
    buffer = LogBuffer(1000)
    buffer.add(" 10%\r")
    buffer.add(" 20%\r")
    assert lines(drained(buffer)) == [" 20%"]
    buffer = LogBuffer(1000)
    buffer.add("\r 30%\r   \r")
    buffer.add("cleared\n")
    assert lines(drained(buffer)) == ["cleared"]


def test_what_was_written_over_after_it_was_seen_is_a_line_of_its_own() -> None:
    buffer = LogBuffer(1000)
    buffer.add("fetching")
    assert lines(drained(buffer, final=False)) == ["fetching"]
    buffer.add("\rdone\n")
    assert drained(buffer) == f"\n{STAMP}done\n"


def test_the_heading_comes_before_the_first_text_alone() -> None:
    assert heading(1, "here:7") == ""
    buffer = LogBuffer(1000, heading(2, "here:7"))
    assert drained(buffer) == ""
    assert not buffer.has_text()
    buffer.add("one\n")
    buffer.add("two\n")
    assert drained(buffer) == (
        f"\n--- attempt 2, 1970-01-01 00:00:00 UTC, here:7 ---\n{STAMP}one\n{STAMP}two\n"
    )


def test_the_beginning_and_the_end_are_kept_and_what_is_left_out_is_counted() -> None:
    buffer = LogBuffer(1000)
    for number in range(1000):
        buffer.add(f"line {number:03}\n")
    text = buffer.drain(0.0, final=True)
    assert 450 < len(text.text) <= 500
    assert 450 < len(text.end) <= 500
    assert text.text.startswith(f"{STAMP}line 000\n")
    assert text.text.endswith("\n")
    assert text.end.startswith(STAMP)
    assert text.end.endswith(f"{STAMP}line 999\n")
    assert len(text.text) + text.skipped + len(text.end) == 1000 * len(f"{STAMP}line 000\n")


def test_one_huge_line_is_bounded() -> None:
    buffer = LogBuffer(1000)
    buffer.add("a" * 10_000_000 + "z")
    text = buffer.drain(0.0, final=True)
    assert len(text.end) == 500
    assert text.end.endswith("az")
    assert text.skipped == 10_000_001 + len(STAMP) - 500


@pytest.mark.parametrize("piece", ["x", "\rx", "xy\r"])
def test_a_line_that_never_ends_is_bounded(piece: str) -> None:
    buffer = LogBuffer(1000)
    for _ in range(20_000):
        buffer.add(piece)
        assert len(buffer._open) <= LONGEST_OPEN_LINE
    text = buffer.drain(0.0, final=True)
    assert len(text.text) + len(text.end) <= 1000 + len(piece)


def test_the_end_is_written_at_a_bounded_pace_until_the_attempt_ends() -> None:
    limit = 8 * PACED_CHARACTERS
    buffer = LogBuffer(limit)
    buffer.add(("x" * 99 + "\n") * limit)  # far more than the limit
    first = buffer.drain(0.0, final=False)
    assert first.skipped
    assert len(first.end) > limit // 2 - 200
    buffer.add("later\n")
    assert buffer.has_text()
    assert not any(buffer.drain(3.9, final=False)), "the first ones take four seconds"
    assert lines(drained(buffer, now=4.0, final=False)) == ["later"]
    buffer.add("last\n")
    assert lines(drained(buffer, now=4.0, final=True)) == ["last"]
    assert not buffer.has_text()


def test_a_slow_log_is_seen_at_once_also_when_it_is_long() -> None:
    buffer = LogBuffer(100)
    for second in range(100):
        buffer.add(f"epoch {second}\n")
        assert lines(drained(buffer, now=float(second), final=False)) == [f"epoch {second}"]


@given(pieces=st.lists(st.text("ab\r\n\x00\ud800", max_size=6)), every=st.integers(1, 4))
def test_no_character_of_a_line_is_lost_however_it_is_drained(
    pieces: list[str], every: int
) -> None:
    """Without returns, draining in between changes nothing; with them, no line vanishes."""
    once, often, parts = LogBuffer(10_000), LogBuffer(10_000), []
    for number, piece in enumerate(pieces):
        once.add(piece)
        often.add(piece)
        if number % every == 0:
            parts.append(drained(often, final=False))
    whole, joined = drained(once), "".join([*parts, drained(often)])
    if "\r" not in "".join(pieces):
        assert joined == whole
    assert joined.count("\n") >= whole.count("\n")
    assert not re.search("[\x00\ud800]", whole)


def test_a_finalizer_that_prints_while_text_is_added_does_not_hang() -> None:
    buffer = LogBuffer(1000)

    class Cyclic:
        pass

    def add_many() -> None:
        for _ in range(300):
            one = Cyclic()
            one.itself = one  # type: ignore[attr-defined]
            weakref.finalize(one, buffer.add, "finalized\n")
            del one
            buffer.add("x\n")

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        thread = threading.Thread(target=add_many, daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
    finally:
        gc.set_threshold(*before)


def attempt(number: int = 1) -> Attempt:
    claim = make_claim()
    object.__setattr__(claim, "attempt", number)
    return Attempt(claim, lambda attempt, outcome: None, "here:7")


def test_an_object_whose_text_prints_can_be_logged() -> None:
    one = attempt()

    class Chatty:
        def __str__(self) -> str:
            one.print("printed\n")
            return "logged"

    thread = threading.Thread(target=lambda: one.log(Chatty()), daemon=True)  # type: ignore[arg-type]
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    update, _ = one.collect()
    assert update is not None
    assert lines(update.log) == ["printed", "logged"]


def test_an_attempt_that_says_nothing_writes_no_heading() -> None:
    assert attempt(2).collect() == (None, [])


def test_text_that_has_to_wait_is_collected_later(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    one = attempt()
    one.print("x" * 5_000_000)
    assert one.collect()[0] is not None
    one.print("later\n")
    assert one.collect()[0] is None
    clock[0] = 3600.0
    update, _ = one.collect()
    assert update is not None
    assert update.log == "later\n"


def test_while_nothing_can_be_written_attempts_keep_their_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are bounded; what was collected and waits for the database is not."""
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    pending, one = PendingWrites(), attempt()
    for number in range(50):
        one.print(f"line {number}\n")
        batch = Batch()
        pending.fill(batch, [one])
        clock[0] += 10
    assert len(batch.updates) == 1
    pending.remove(batch)
    pending.fill(batch, [one])
    assert lines(batch.updates[0].log)[-1] == "line 49"


def test_a_thread_that_goes_on_after_its_attempt_can_keep_no_files() -> None:
    one = attempt()
    assert one.release("the consumer is stopping")
    with pytest.raises(RuntimeError, match="has ended"):
        one.artifact("a.txt", "late")
