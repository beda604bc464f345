"""What a parent does about a child that has had its time."""

from __future__ import annotations

import time
from itertools import repeat
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import process_pool
from jobs.core.states import AttemptOutcome

ORDER: Any = SimpleNamespace(as_json=dict)


class Talker:
    """A child that always has one message more; at last it is not worth to go on."""

    def __init__(self, first: dict[str, Any]) -> None:
        self._said = iter([first, *repeat({"print": "x"}, 1000)])
        self.killed = False

    def send(self, **message: Any) -> None: ...

    def receive(self, timeout: float) -> dict[str, Any]:
        return next(self._said)

    def kill(self) -> None:
        self.killed = True


def attempt(timeout: float) -> Any:
    made = SimpleNamespace(
        claim=SimpleNamespace(timeout=timeout), deadline=None, settled=False, said=0
    )
    made.limit_time = lambda: setattr(made, "deadline", time.monotonic() + timeout)
    made.on_cancel = made.artifact = made.progress = made.log = lambda *said: None
    made.print = lambda text: setattr(made, "said", made.said + 1)
    return made


def test_one_that_never_stops_talking_meets_its_limit() -> None:
    child: Any = Talker({"begun": True})
    made = attempt(timeout=0.0)
    answer = process_pool._Run(child, made).go(ORDER)
    assert answer is not None
    assert (answer.ending, answer.message) == (AttemptOutcome.TIMED_OUT, "timed out after 0 s")
    assert child.killed


def test_one_that_talks_and_never_begins_does_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "START_SECONDS", 0.0)
    child: Any = Talker({"print": "importing"})
    answer = process_pool._Run(child, attempt(timeout=60)).go(ORDER)
    assert answer is not None
    assert answer.message == "its process did not begin within 0 s: an import may hang"
    assert child.killed
