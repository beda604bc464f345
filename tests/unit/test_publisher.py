"""Who hands in a job begins to send its permit; a thread does the rest."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence

import pytest

from jobs.brokers import publisher
from jobs.brokers.publisher import Publisher, WakeUp

SECONDS = 10.0


class Wire(Publisher):
    """Notes what was begun, ended and sent, by queue."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.sent: list[str] = []
        self.broken = False
        self.lost = False
        self.answer = threading.Event()
        super().__init__("Wire", self.note_sent, self.note_begun, self.note_ended)

    def note_sent(self, lot: Sequence[WakeUp]) -> None:
        self.sent += [queue for queue, _ in lot]

    def note_begun(self, lot: Sequence[WakeUp]) -> bool:
        if self.broken:
            raise OSError("the wire is broken")
        self.begun += [queue for queue, _ in lot]
        return True

    def note_ended(self, lot: Sequence[WakeUp]) -> None:
        assert self.answer.wait(SECONDS)
        if self.lost:
            raise OSError("no answer")
        self.ended += [queue for queue, _ in lot]

    def ring(self, *queues: str) -> None:
        for queue in queues:
            self.put(queue, uuid.uuid4())


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_a_permit_is_begun_at_once_and_ended_by_the_thread(wire: Wire) -> None:
    wire.ring("a")
    assert wire.begun == ["a"]
    assert not wire.flush(0.01), "its answer is still to come"
    wire.answer.set()
    assert wire.flush(SECONDS)
    assert (wire.ended, wire.sent) == (["a"], [])


def test_getting_ready_sends_an_empty_lot(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    lots: list[int] = []
    monkeypatch.setattr(wire, "_send", lambda lot: lots.append(len(lot)))
    wire.warm_up()
    assert wire.flush(SECONDS)
    assert lots == [0]


def test_nothing_is_begun_while_an_answer_is_to_come(wire: Wire) -> None:
    """What is begun then could fill the connection, and who hands in a job would wait."""
    wire.ring("a", "b", "c")
    assert wire.begun == ["a"]
    wire.answer.set()
    assert wire.flush(SECONDS)
    assert (wire.ended, wire.sent) == (["a"], ["b", "c"])
    wire.ring("d")
    assert wire.begun == ["a", "d"]


def test_what_cannot_be_begun_is_sent_by_the_thread(wire: Wire) -> None:
    wire.broken = True
    wire.ring("a")
    assert wire.flush(SECONDS)
    assert (wire.begun, wire.sent) == ([], ["a"])


def test_what_was_begun_and_lost_is_sent_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Until that works nothing more is begun: a server that is away is asked by the thread."""
    monkeypatch.setattr(publisher, "AWAY_SECONDS", 0.01)
    wire.lost = True
    wire.answer.set()
    wire.ring("a")
    assert wire.flush(SECONDS)
    assert (wire.begun, wire.ended, wire.sent) == (["a"], [], ["a"])
    assert [record.getMessage() for record in caplog.records] == [
        "Wire takes no permits (no answer): jobs start later.",
        "Wire takes permits again.",
    ]
