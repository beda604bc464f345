"""What a wake-up sets going; a listener that breaks is said once, and once when it is back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer.listener_thread import ListenerThread


def test_a_broken_listener_is_two_lines(caplog: pytest.LogCaptureFixture) -> None:
    signals: Any = SimpleNamespace(stopping=False, pause=lambda seconds: None)
    steps = [OSError("refused\nis the server running?"), OSError("refused"), None]

    def wait(seconds: float) -> bool:
        step = steps.pop(0)
        signals.stopping = not steps
        if step is not None:
            raise step
        return False

    listener: Any = SimpleNamespace(wait=wait)
    unused: Any = None
    ListenerThread(listener, unused, unused, signals).run()
    assert caplog.messages == [
        "New jobs are noticed late, the listener broke: refused is the server running?",
        "The listener is back.",
    ]
    assert "Traceback" not in caplog.text


def test_a_wake_up_has_its_queues_polled_and_looks_for_jobs_that_are_due() -> None:
    signals: Any = SimpleNamespace(stopping=False)
    calls: list[Any] = []

    def wait(seconds: float) -> bool:
        signals.stopping = True
        return True

    listener: Any = SimpleNamespace(wait=wait, queues={"mail"})
    maintenance: Any = SimpleNamespace(notified=lambda: calls.append("notified"))
    polls: Any = SimpleNamespace(
        request_poll=calls.append,
        wait_until_polled=lambda seconds: calls.append("polled"),
    )
    ListenerThread(listener, polls, maintenance, signals).run()
    assert calls == ["notified", {"mail"}, "polled"]
