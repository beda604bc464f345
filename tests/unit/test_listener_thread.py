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


def test_a_notification_has_its_queues_polled_once_for_all_that_come_meanwhile() -> None:
    done: list[Any] = []
    signals: Any = SimpleNamespace(stopping=False)

    def wait_until_polled(seconds: float) -> None:
        done.append("polled")
        signals.stopping = True

    maintenance: Any = SimpleNamespace(notified=lambda: done.append("notified"))
    polls: Any = SimpleNamespace(request_poll=done.append, wait_until_polled=wait_until_polled)
    answers = iter([False, True])
    listener: Any = SimpleNamespace(queues=["mail"], wait=lambda seconds: next(answers))
    ListenerThread(listener, polls, maintenance, signals).run()
    assert done == ["notified", ["mail"], "polled"]


def test_it_ends_when_its_listener_is_closed() -> None:
    signals: Any = SimpleNamespace(stopping=True, pause=lambda seconds: None)
    closed: list[str] = []
    listener: Any = SimpleNamespace(close=lambda: closed.append("closed"))
    unused: Any = None
    made = ListenerThread(listener, unused, unused, signals)
    made.start()
    made.close(30)
    assert closed == ["closed"]
    assert not made.is_alive()
