"""What a consumer does with the messages it has received while something fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from jobs.brokers.base import ReceivedMessage
from jobs.brokers.receiver import Receiver


class Away(Exception):
    """What the source's client raises."""


class Script:
    """A source and a port that follow a script; ``None`` says that the source fails."""

    name = consumer_id = "Script"
    errors: tuple[type[Exception], ...] = (Away,)
    embedded = False

    def __init__(self, batches: Sequence[list[bytes] | None], accepts: Sequence[bool] = ()) -> None:
        self._batches = list(batches)
        self._accepts = list(accepts)
        self.claims: list[bool] = []
        self.accepted: list[bytes | None] = []
        self.acknowledged: list[bytes | None] = []
        self.acknowledged_before: list[list[bytes | None]] = []
        """What was acknowledged each time that somebody asked whether the jobs are claimed."""
        self.acknowledge_fails = 0
        self.over: Callable[[], bool] = lambda: not self._batches

    def receive(self, limit: int, seconds: float) -> list[ReceivedMessage]:
        batch = self._batches.pop(0) if self._batches else []
        if batch is None:
            raise Away
        return [ReceivedMessage(body, body) for body in batch]

    def acknowledge(self, messages: Sequence[ReceivedMessage]) -> None:
        if self.acknowledge_fails:
            self.acknowledge_fails -= 1
            raise Away
        self.acknowledged += [message.body for message in messages]

    def close(self) -> None:
        """Nothing is held."""

    def stopping(self) -> bool:
        return self.over()

    def free_slots(self, queue: str, seconds: float) -> int:
        return 5

    def ingest(self, queue: str, broker: str, message: ReceivedMessage) -> bool:
        if self._accepts and not self._accepts.pop(0):
            return False
        self.accepted.append(message.body)
        return True

    def wait_claimed(self, queue: str, seconds: float) -> bool:
        self.acknowledged_before.append(list(self.acknowledged))
        return self.claims.pop(0) if self.claims else True

    def no_thread(self, why: str) -> None:
        """Nothing runs here."""

    def pause(self, seconds: float) -> None:
        """No time passes here."""

    def note_threads(self, threads: Sequence[threading.Thread]) -> None:
        """There are none."""

    def take(self, queue: str) -> list[Any]:
        return []

    def run(self, claim: Any) -> None:
        """Nothing is ever taken."""


def test_a_batch_is_acknowledged_once_it_is_read() -> None:
    script = Script([[b"a", b"b"], [], [b"c"], []])
    Receiver("q", lambda: script, script).run()
    assert script.accepted == script.acknowledged == [b"a", b"b", b"c"]


@pytest.mark.parametrize("meanwhile", [[], None, [b"c"]])
def test_what_must_wait_is_read_later(meanwhile: list[bytes] | None) -> None:
    """The database is away while a batch is read, and the broker fails or sends more meanwhile."""
    script = Script([[b"a", b"b"], meanwhile, [], []], accepts=[True, False])
    Receiver("q", lambda: script, script).run()
    assert script.accepted == script.acknowledged == [b"a", b"b", *(meanwhile or [])]


def test_a_message_is_acknowledged_when_its_job_is_claimed_not_before() -> None:
    """Nobody else would run the job of a consumer that dies in between."""
    script = Script([[b"a"], [], [], []])
    script.claims = [False, False, True]
    Receiver("q", lambda: script, script).run()
    assert script.acknowledged_before == [[], [], []]
    assert script.accepted == script.acknowledged == [b"a"]


def test_an_acknowledgement_that_fails_is_sent_again() -> None:
    script = Script([[b"a"], [], []])
    script.acknowledge_fails = 1
    Receiver("q", lambda: script, script).run()
    assert script.accepted == [b"a"]
    assert script.acknowledged == [b"a"]


def test_a_broker_that_cannot_be_called_is_called_again(caplog: pytest.LogCaptureFixture) -> None:
    """A setting that the client refuses must not end the thread."""
    script = Script([[b"a"], []])
    tries = iter([Away("no such setting"), None])

    def connect() -> Script:
        fails = next(tries)
        if fails is not None:
            raise fails
        return script

    Receiver("q", connect, script).run()
    assert script.acknowledged == [b"a"]
    assert "The broker is away (no such setting)" in caplog.text
    assert "Script is back." in caplog.text
