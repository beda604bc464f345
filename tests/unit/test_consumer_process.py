"""How a consumer process ends: what it releases, what it waits for, and with which exit code."""

from __future__ import annotations

import logging
import os
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import forks, process
from jobs.consumer.process import FLUSH_SECONDS, LEAVE_SECONDS, ConsumerProcess, leave_now
from jobs.consumer.restart_policy import BROKEN_OFF, DRAINED, REPLACE, STOPPED
from jobs.core import database_file
from jobs.lifecycle.followers import Followed
from jobs.models import ConsumerRequest


class Calls:
    """Notes what was called, in order; ``answers`` says what a call returns."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.answers: dict[str, Any] = {}

    def of(self, owner: str) -> Any:
        calls = self

        class Owner(SimpleNamespace):
            def __getattr__(self, name: str) -> Any:
                def call(*arguments: Any) -> Any:
                    shown = ", ".join(str(one) for one in arguments)
                    calls.made.append(f"{owner}.{name}({shown})")
                    return calls.answers.get(f"{owner}.{name}")

                return call

        return Owner()

    def noting(self, name: str, answer: Any) -> Any:
        def call(*_: Any) -> Any:
            self.made.append(name)
            return answer

        return call


class Ending:
    """A consumer process whose parts are only noted."""

    def __init__(self, calls: Calls) -> None:
        self._options = SimpleNamespace(until_idle=True)
        self._health = calls.of("health")
        self._signals = calls.of("signals")
        self._draining = calls.of("draining")
        self._children = calls.of("children")
        self._writer = calls.of("writer")
        self._maintenance = SimpleNamespace(has_ticked=True)
        self._stop = SimpleNamespace(wait=lambda seconds: False)
        self._slots = calls.of("slots")
        self._slots.must_be_replaced = False
        self._slots.quiet = False
        self._registration = calls.of("registration")
        self._registration.requested = ConsumerRequest.NONE

    def _has_to_end(self) -> bool:
        return ConsumerProcess._has_to_end(self)  # type: ignore[arg-type]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made = Calls()
    made.answers = {
        "signals.flush": True,
        "slots.running": [],
        "slots.wait_until_drained": True,
        "writer.flush_and_stop": True,
    }
    monkeypatch.setattr(process, "finished_signals", made.of("signals"))
    monkeypatch.setattr(process, "connection", lambda: made.of("connection"))
    monkeypatch.setattr(process, "get_broker", lambda: made.of("broker"))
    monkeypatch.setattr(database_file, "is_replaced", lambda: False)
    return made


@pytest.fixture
def ending(calls: Calls) -> Any:
    return Ending(calls)


def test_a_drain_takes_nothing_new_waits_and_deregisters(
    calls: Calls, ending: Any, settings: Any
) -> None:
    settings.JOBS = {**settings.JOBS, "GRACE_SECONDS": 7}
    assert ConsumerProcess._drain(ending) == DRAINED
    assert calls.made == [
        "health.stop()",
        "signals.stop_taking()",
        "draining.request()",
        "slots.running()",
        "slots.wait_until_drained(7.0)",
        "children.kill_all()",
        f"writer.flush_and_stop({FLUSH_SECONDS})",
        "connection.close()",
        "registration.remove()",
        f"signals.flush({FLUSH_SECONDS})",
    ]


def test_what_does_not_end_in_time_is_released_before_its_child_is_killed(
    calls: Calls, ending: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The other way round the death of the child would count as the job's end."""
    calls.answers |= {"slots.wait_until_drained": False, "slots.running": [calls.of("attempt")]}
    with caplog.at_level(logging.INFO, logger="jobs"):
        ConsumerProcess._drain(ending)
    assert [call for call in calls.made if call.startswith(("attempt", "children", "writer"))] == [
        "attempt.release(the consumer is stopping)",
        "children.kill_all()",
        "attempt.close()",
        f"writer.flush_and_stop({FLUSH_SECONDS})",
    ]
    assert caplog.messages[0].startswith("stopping: 1 running, they get ")


def test_who_could_not_write_does_not_deregister(
    calls: Calls, ending: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Its lock becomes free with its end, and so others rescue its jobs."""
    calls.answers["writer.flush_and_stop"] = False
    assert ConsumerProcess._drain(ending) == DRAINED
    assert "registration.remove()" not in calls.made
    assert "The database could not be written: what was not will run again." in caplog.messages


def test_a_receiver_that_does_not_end_is_named(
    calls: Calls, ending: Any, caplog: pytest.LogCaptureFixture
) -> None:
    calls.answers["signals.flush"] = False
    ConsumerProcess._drain(ending)
    assert "A receiver of task_finished or a handler of the log did not end" in caplog.text


@pytest.mark.parametrize(
    ("requested", "must_be_replaced", "code"),
    [
        (ConsumerRequest.NONE, False, DRAINED),
        (ConsumerRequest.NONE, True, REPLACE),
        (ConsumerRequest.STOP, True, STOPPED),
    ],
)
def test_the_exit_code_tells_the_supervisor_what_to_do(
    ending: Any, requested: ConsumerRequest, must_be_replaced: bool, code: int
) -> None:
    ending._registration.requested = requested
    ending._slots.must_be_replaced = must_be_replaced
    assert ConsumerProcess._drain(ending) == code


# How it waits.


def test_until_idle_waits_for_due_jobs_for_slots_and_for_new_queues(
    calls: Calls, ending: Any
) -> None:
    rounds: list[str] = []

    def is_idle() -> bool:
        rounds.append("looked")
        return len(rounds) > 1

    new = iter([False, False, True, False, False])
    any_queue: Any = SimpleNamespace(serve_new=lambda: next(new))
    active = Followed(is_active=True)
    found = iter([active, active._replace(inserted=1), active])
    follower: Any = SimpleNamespace(look=lambda: next(found))
    ending._slots.is_idle = is_idle
    pauses: list[float] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        ending._maintenance.has_ticked = len(pauses) > 1  # not in the first round
        return len(pauses) > 9

    ending._stop.wait = wait
    ConsumerProcess._wait(ending, [any_queue], follower)
    assert len(pauses) == 5, "tick, idle, a new queue, an ending that was followed, one more look"
    assert set(pauses) == {process.CHECK_SECONDS_UNTIL_IDLE}


def test_an_ordinary_consumer_waits_until_it_is_told(calls: Calls, ending: Any) -> None:
    ending._options.until_idle = False
    ending._slots.is_idle = lambda: True
    pauses: list[float] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) == 3

    ending._stop.wait = wait
    follower: Any = None  # its own thread asks it
    ConsumerProcess._wait(ending, [], follower)
    assert pauses == [process.CHECK_SECONDS] * 3
    ending._registration.requested = ConsumerRequest.STOP
    ending._stop.wait = pauses.append
    ConsumerProcess._wait(ending, [], follower)
    assert len(pauses) == 4, "an operator has stopped it"


# A whole run, without threads.


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch, calls: Calls) -> Calls:
    for name in ("ListenerThread", "Pruner", "FollowerThread"):
        monkeypatch.setattr(process, name, lambda *_, name=name: calls.of(name))
    port = SimpleNamespace(threads=["thread"])
    monkeypatch.setattr(process, "BrokerInterface", lambda *_, **options: port)
    monkeypatch.setattr(forks, "watch", lambda *descriptors: None)
    return calls


def whole(calls: Calls, *, embedded: bool = False, any_queue: bool = False) -> Any:
    ending: Any = Ending(calls)
    ending._options = SimpleNamespace(
        queues=["a", "b"],
        concurrency=3,
        embedded=embedded,
        any_queue=any_queue,
        deliveries=False,
        until_idle=False,
    )
    ending._not_in_forks = []
    ending._polls = None
    ending._registration.id = "7"
    ending._wait = lambda late, follower: calls.made.append(f"wait({late})")
    ending._port = lambda: SimpleNamespace(threads=["thread"])
    ending._late_queues = lambda *parts: ["any queue"] if any_queue else []
    ending._drain = calls.noting("drain", DRAINED)
    ending._end_threads = lambda listener, threads: calls.made.append(f"end({len(threads)})")
    return ending


def test_it_writes_before_it_takes_jobs(parts: Calls) -> None:
    """The writer claims; what the broker starts only takes."""
    assert ConsumerProcess.run(whole(parts)) == DRAINED
    made = [call for call in parts.made if not call.startswith("broker.listener")]
    assert made[:3] == ["writer.start()", "ListenerThread.start()", "Pruner.start()"]
    assert made[3] == "FollowerThread.start()"
    assert made[4].startswith("broker.consume(['a', 'b'], ")
    assert made[5:] == ["connection.close()", "wait([])", "drain"]


def test_one_that_goes_on_afterwards_ends_its_threads(parts: Calls) -> None:
    ConsumerProcess.run(whole(parts, embedded=True, any_queue=True))
    assert parts.made[-3:] == ["wait(['any queue'])", "drain", "end(4)"]


def test_a_database_that_was_replaced_is_not_written(
    parts: Calls, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database_file, "is_replaced", lambda: True)
    assert ConsumerProcess.run(whole(parts)) == BROKEN_OFF
    assert "drain" not in parts.made
    assert caplog.messages[-1] == database_file.REPLACED


def test_the_threads_of_an_embedded_consumer_are_waited_for(
    calls: Calls, ending: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "close_loop", lambda seconds: calls.made.append("loop"))
    monkeypatch.setattr(forks, "end_watch", lambda: calls.made.append("forks"))
    joined: list[float] = []
    thread: Any = SimpleNamespace(join=joined.append)
    ConsumerProcess._end_threads(ending, calls.of("listener"), [thread, thread])
    assert calls.made == [
        "signals.stop_taking()",
        "draining.request()",
        "children.kill_all()",
        f"writer.flush_and_stop({FLUSH_SECONDS})",
        f"broker.flush({LEAVE_SECONDS})",
        f"listener.close({LEAVE_SECONDS})",
        f"broker.leave({LEAVE_SECONDS})",
        "loop",
        "forks",
    ]
    assert LEAVE_SECONDS >= joined[0] >= joined[1] > 0, "together no longer than that"


def test_a_process_that_leaves_sends_what_it_holds_before(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(name: str) -> Any:
        return lambda *arguments: calls.made.append(f"{name}{arguments}")

    monkeypatch.setattr(process, "flush_trackers", note("trackers"))
    monkeypatch.setattr(logging, "shutdown", note("logs"))
    monkeypatch.setattr(os, "_exit", note("exit"))
    leave_now(3)
    assert calls.made == [
        f"broker.flush({LEAVE_SECONDS})",
        f"broker.leave({LEAVE_SECONDS})",
        f"trackers({process.TRACKER_SECONDS},)",
        "logs()",
        "exit(3,)",
    ]
