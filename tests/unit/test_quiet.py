"""A consumer process that is quiet: what it takes, when it is idle, when it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer.duration_stats import DurationStats
from jobs.consumer.pending_writes import PendingWrites
from jobs.consumer.process import ConsumerProcess
from jobs.consumer.queue_polls import QueuePolls
from jobs.consumer.slots import Slots
from jobs.consumer.thread_signals import ThreadSignals
from jobs.core import database_file
from jobs.models import ConsumerRequest


def test_it_claims_nothing_and_is_idle_whatever_waits() -> None:
    signals = ThreadSignals()
    polls = QueuePolls(["default"], signals)
    slots = Slots(1, "here:7", signals, polls, PendingWrites(), DurationStats())
    assert not slots.is_idle(), "the queue may have jobs"
    slots.set_quiet(True)
    assert slots.wait_for_free(0) == 0
    assert slots.is_idle(), "otherwise --until-idle would wait for ever"
    signals.work.clear()
    slots.set_quiet(True)
    assert not signals.work.is_set()
    slots.set_quiet(False)
    assert signals.work.is_set(), "what waited meanwhile is looked for"
    assert slots.wait_for_free(0) == 1


@pytest.mark.parametrize(
    ("requested", "quiet", "must_be_replaced", "ends"),
    [
        (ConsumerRequest.NONE, False, False, False),
        (ConsumerRequest.NONE, False, True, True),
        (ConsumerRequest.QUIET, True, False, False),
        (ConsumerRequest.QUIET, True, True, False),  # who replaces it would take jobs
        (ConsumerRequest.STOP, True, False, True),
    ],
)
def test_it_ends_on_request_and_is_not_replaced_while_it_is_quiet(
    requested: ConsumerRequest,
    quiet: bool,
    must_be_replaced: bool,
    ends: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database_file, "is_replaced", lambda: False)
    process: Any = SimpleNamespace(
        _registration=SimpleNamespace(requested=requested),
        _slots=SimpleNamespace(quiet=quiet, must_be_replaced=must_be_replaced),
    )
    assert ConsumerProcess._has_to_end(process) is ends
