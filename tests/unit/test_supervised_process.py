"""Which ends of a consumer process count as deaths, and when a supervisor gives up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
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
from tests.waiting import wait_until


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


# What a process says, with a real one.


def test_each_line_of_its_output_is_handed_on_and_its_end_is_awaited(tmp_path: Path) -> None:
    said: list[str] = []
    program = "import sys; print('one'); sys.stderr.write('two\\r\\n'); sys.stdout.flush()"
    program += "; sys.stdout.buffer.write(b'\\xff'); sys.stdout.flush(); print(sys.stdin.read())"
    options = ProcessOptions(
        command=[sys.executable, "-c", program],
        environment={**os.environ, "PYTHONUNBUFFERED": "1"},
        on_output=said.append,
        until_idle=True,
        health_files=[tmp_path / "1"],
    )
    process = SupervisedProcess(options, 1, alone=False)
    try:
        process.tend()
        wait_until(lambda: "two" in said)
        assert not process.has_ended()
        process.drain()
        process.close_pipe()
        wait_until(process.has_ended)
        assert process.tend()
        assert process.finished
    finally:
        process.kill()
    assert said[:2] == ["one", "two"]
    assert said[2] == "\\xffdrain", "its last lines too, when its end is known"
    assert process.has_ended()


def test_a_process_in_a_group_of_its_own_hears_no_interrupt_of_the_terminal() -> None:
    options = supervised_process._output_options()
    assert options["stdout"] == subprocess.PIPE
    assert options["stderr"] == subprocess.STDOUT
    if os.name == "nt":
        assert options["creationflags"] == 0x200  # CREATE_NEW_PROCESS_GROUP
    else:
        assert options["process_group"] == 0


def test_the_process_of_a_number_keeps_the_file_of_that_number(tmp_path: Path) -> None:
    files = [tmp_path / "1", tmp_path / "2"]
    options = ProcessOptions(command=["consumer"], health_files=files)
    assert options.command_of(2) == ["consumer", f"--health-file={files[1]}"]
    assert ProcessOptions(command=["consumer"]).command_of(2) == ["consumer"]


def test_a_process_whose_pipe_is_closed_is_drained_all_the_same(
    clock: Clock, started: list[Program]
) -> None:
    process = SupervisedProcess(ProcessOptions(command=["consumer"]), 1, alone=True)
    assert process.has_ended()
    process.tend()

    def refuse(*_: Any) -> None:
        raise BrokenPipeError

    started[0].stdin = SimpleNamespace(write=refuse, close=refuse)
    process.drain()
    assert not process.finished
    process.kill()
    assert started[0].said == ["killed"]
    waiting = SupervisedProcess(ProcessOptions(command=["consumer"]), 1, alone=True)
    waiting.drain()
    assert waiting.finished, "it never starts"


def test_what_is_said_of_an_end(
    clock: Clock, started: list[Program], caplog: pytest.LogCaptureFixture
) -> None:
    for alone in (True, False):
        process = SupervisedProcess(ProcessOptions(command=["consumer"]), 3, alone=alone)
        for code in (-9, REPLACE, STOPPED):
            process.tend()
            started[-1].code = code
            process.tend()
            clock.now += 60
    ended, asked, stopped, *several = caplog.messages
    pause = f"{pause_after(1):g} s."
    assert ended == f"The consumers ended (signal 9). They start again in {pause}"
    assert asked == "A task's thread could not be stopped: its process is replaced."
    assert stopped.startswith("The consumer process was stopped on request")
    assert several[0] == f"Consumer process 3 ended (signal 9); another starts in {pause}"
    assert several[2].startswith("Consumer process 3 was stopped on request")


def test_a_start_that_succeeds_after_others_failed_is_said(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[Any] = [OSError("no more processes"), OSError("no more processes"), Program()]

    def start(*args: Any, **options: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(subprocess, "Popen", start)
    options = ProcessOptions(command=["consumer"], restart=lambda deaths: deaths < 2)
    process = SupervisedProcess(options, 1, alone=True)
    cannot = []
    for _ in range(3):
        process.tend()
        cannot.append(process.cannot_start)
        clock.now += 60
    assert cannot == [False, True, False]
    assert caplog.messages == [
        "The consumers cannot be started: no more processes. Trying again.",
        "The consumers started again.",
    ]
    process.kill()
