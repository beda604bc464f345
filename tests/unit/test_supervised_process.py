"""Which ends of a consumer process count as deaths, and when a supervisor gives up."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import supervised_process, supervisor
from jobs.consumer.restart_policy import (
    DRAINED,
    GIVE_UP_AFTER,
    QUICK_SECONDS,
    REPLACE,
    STOPPED,
    pause_after,
)
from jobs.consumer.shutdown import Shutdown
from jobs.consumer.supervised_process import ProcessOptions, SupervisedProcess
from jobs.consumer.supervisor import GAVE_UP, Supervisor


class Clock:
    """Stands still until it is set."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Program:
    """A process of which the test says when and how it ends."""

    stdout = None

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.stdin: Any = SimpleNamespace(
            write=self.said.append, flush=lambda: None, close=lambda: self.said.append("closed")
        )
        self.code: int | None = None

    def poll(self) -> int | None:
        return self.code

    def kill(self) -> None:
        self.said.append("killed")
        self.code = -9

    def wait(self) -> int | None:
        return self.code


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(supervised_process, "time", made)
    return made


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Program]:
    """The processes that were started."""
    made: list[Program] = []

    def start(*args: Any, **options: Any) -> Program:
        made.append(Program())
        return made[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return made


End = Callable[[int, float], bool]


@pytest.fixture
def end(clock: Clock, started: list[Program]) -> Iterator[End]:
    """Let the process run for some seconds and end with a code; return what ``tend`` says."""
    process = SupervisedProcess(ProcessOptions(command=["consumer"]), 1, alone=True)

    def end_it(code: int, after: float) -> bool:
        before = len(started)
        while len(started) == before:
            assert process.tend()
            clock.now += 0.25  # as the pause may be
        clock.now += after
        started[-1].code = code
        return process.tend() and not process.finished

    yield end_it
    process.kill()


def test_a_process_that_dies_at_once_again_and_again_is_given_up(end: End) -> None:
    assert [end(1, 0.0) for _ in range(GIVE_UP_AFTER)] == [True] * (GIVE_UP_AFTER - 1) + [False]


def test_one_that_worked_in_between_is_not(end: End) -> None:
    for _ in range(3):
        assert all(end(1, 0.0) for _ in range(GIVE_UP_AFTER - 1))
        assert end(1, QUICK_SECONDS)


def test_a_replacement_that_was_asked_for_is_no_death(
    end: End, clock: Clock, started: list[Program]
) -> None:
    """Nor does the next one wait."""
    assert all(end(REPLACE, 0.0) for _ in range(2 * GIVE_UP_AFTER))
    before = clock.now
    assert end(1, 0.0)
    assert clock.now == before + 0.25, "it was started at once"


def test_the_next_start_waits_the_longer_the_more_often_it_died(
    end: End, clock: Clock, started: list[Program]
) -> None:
    waited = []
    end(1, 0.0)
    for _ in range(3):
        before = clock.now
        end(1, 0.0)
        waited.append(clock.now - before - 0.25)
    assert waited == [pause_after(deaths) for deaths in (1, 2, 3)]


@pytest.mark.parametrize(("code", "until_idle"), [(STOPPED, False), (DRAINED, True)])
def test_one_that_was_to_end_is_not_replaced(
    clock: Clock, started: list[Program], code: int, until_idle: bool
) -> None:
    options = ProcessOptions(command=["consumer"], until_idle=until_idle)
    assert _run(options, started, code) == DRAINED
    assert len(started) == 1


def test_a_supervisor_gives_up_on_instant_deaths(
    clock: Clock,
    started: list[Program],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(supervised_process, "pause_after", lambda deaths: 0.0)
    assert _run(ProcessOptions(command=["consumer"]), started, 1) == GAVE_UP
    assert len(started) == GIVE_UP_AFTER
    assert "Consumer processes die as soon as they start. Giving up" in caplog.text


def test_the_next_try_to_start_waits_too(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[float] = []

    def refuse(*args: Any, **options: Any) -> None:
        tried.append(clock.now)
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    process = SupervisedProcess(ProcessOptions(command=["consumer"]), 1, alone=True)
    while len(tried) < 4:
        process.tend()
        clock.now += 0.25
    assert tried == [0.0, 0.5, 1.5, 3.5]


def test_a_process_that_does_not_leave_is_killed(
    clock: Clock, started: list[Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "LEAVE_SECONDS", 0.0)
    stop = Shutdown()
    answers = iter([False, True])
    stop.wait = lambda seconds: next(answers)  # type: ignore[method-assign]
    options = ProcessOptions(command=["consumer"])
    assert Supervisor(options, 1, stop, drain_seconds=0.0).run() == DRAINED
    assert started[0].said[:3] == [b"drain\n", "closed", "killed"], "asked twice before"


def test_the_others_go_on_when_one_was_to_end(clock: Clock, started: list[Program]) -> None:
    stop = Shutdown()
    rounds: list[int] = []

    def wait(seconds: float) -> bool:
        rounds.append(len(started))
        if len(rounds) == 2:
            started[0].code = STOPPED
        if len(rounds) == 4:
            started[1].code = STOPPED
        assert len(rounds) < 9
        return False

    stop.wait = wait  # type: ignore[method-assign]
    options = ProcessOptions(command=["consumer"])
    assert Supervisor(options, 2, stop, drain_seconds=0.0).run() == DRAINED
    assert rounds == [0, 2, 2, 2], "it ends with the last of them"


def _run(options: ProcessOptions, started: list[Program], code: int) -> int:
    """Run a supervisor of one process, each of which ends with this code."""
    stop = Shutdown()

    def wait(seconds: float) -> bool:
        for program in started:
            program.code = code
        return len(started) > 3 * GIVE_UP_AFTER  # then it never gives up

    stop.wait = wait  # type: ignore[method-assign]
    return Supervisor(options, 1, stop, drain_seconds=0.0).run()
