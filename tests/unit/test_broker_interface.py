"""Each call of a broker's thread reaches the object that it concerns, and its answer comes back."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import broker_interface
from jobs.consumer.broker_interface import BrokerInterface
from jobs.consumer.thread_signals import ThreadSignals

ANSWER = object()


class Part:
    """Returns the same to each call, and notes it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.stopping = ANSWER
        self.must_be_replaced = False

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> object:
            self.calls.append((name, *arguments))
            return ANSWER

        return call


@pytest.fixture
def part() -> Any:
    return Part()


@pytest.fixture
def port(part: Any) -> BrokerInterface:
    return BrokerInterface("7", part, part, part, part, part, embedded=True)


@pytest.mark.parametrize(
    ("call", "calls"),
    [
        (lambda port: port.take("a"), [("take", "a")]),
        (lambda port: port.free_slots("a", 2.0), [("wait_for_free", 2.0, "a")]),
        (lambda port: port.stopping(), []),
        # The receiver's message may tell of a cancel as well, so maintenance is notified too.
        (lambda port: port.wait_claimed("a", 2.0), [("notified",), ("poll_and_wait", "a", 2.0)]),
    ],
)
def test_the_answer_comes_back(
    port: BrokerInterface, part: Any, call: Any, calls: list[tuple[Any, ...]]
) -> None:
    assert call(port) is ANSWER
    assert part.calls == calls


def test_what_has_no_answer_is_passed_on(port: BrokerInterface, part: Any) -> None:
    port.no_thread("why")
    port.pause(3.0)
    assert part.calls == [("no_thread", "why"), ("pause", 3.0)]


def test_a_message_is_read(port: BrokerInterface, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_interface, "ingest", lambda *arguments: arguments)
    message: Any = object()
    answer: Any = port.ingest("a", "Redis", message)
    assert answer == ("a", "Redis", message)


def test_threads_are_noted_for_the_end(port: BrokerInterface) -> None:
    first, second, third = (Any,) * 3
    port.note_threads([first])  # type: ignore[list-item]
    port.note_threads([second, third])  # type: ignore[list-item]
    assert len(port.threads) == 3
    assert port.embedded


@pytest.mark.parametrize("left_behind", [False, True])
def test_a_process_with_a_thread_that_nobody_can_end_is_replaced(
    port: BrokerInterface, part: Any, monkeypatch: pytest.MonkeyPatch, left_behind: bool
) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(broker_interface, "run_attempt", lambda *arguments: ran.append(arguments))
    claim: Any = SimpleNamespace(left_behind=left_behind)
    port.run(claim)
    assert ran == [(claim, part)]
    assert part.must_be_replaced is left_behind


# What the threads wait on.


def test_a_pause_ends_when_nothing_new_is_taken() -> None:
    signals = ThreadSignals()
    ended = threading.Event()

    def wait() -> None:
        signals.pause(3600)
        ended.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    assert not signals.stopping
    signals.stop_taking()
    assert ended.wait(30)
    signals.pause(3600)
    assert signals.stopping


def test_who_waits_for_claims_wakes_up_too() -> None:
    signals = ThreadSignals()
    waiting, ended = threading.Event(), threading.Event()

    def wait() -> None:
        with signals.changed:
            waiting.set()
            signals.changed.wait(3600)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    assert waiting.wait(30)
    signals.stop_taking()
    assert ended.wait(30)
