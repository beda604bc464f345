"""Too little of something: what the system says, and what becomes of a job and of the slots."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.brokers import plain_threads
from jobs.brokers.depth_cache import DepthCache
from jobs.brokers.publisher import Publisher
from jobs.catalog.attempt_resources import AttemptResources
from jobs.catalog.commands import run_command
from jobs.consumer import event_loop, finished_signals, slot_limit, supervised_process
from jobs.consumer.any_queue import AnyQueue
from jobs.consumer.attempt import Attempt
from jobs.consumer.batch import BatchResult
from jobs.consumer.duration_stats import DurationStats
from jobs.consumer.hand_back import FREE_ATTEMPTS, LONGEST_PAUSE
from jobs.consumer.outcomes import outcome_before_start, outcome_of_error
from jobs.consumer.pending_writes import PendingWrites
from jobs.consumer.queue_polls import QueuePolls
from jobs.consumer.shutdown import Shutdown
from jobs.consumer.slot_limit import RAISE_SECONDS, SlotLimit
from jobs.consumer.slots import Slots
from jobs.consumer.supervised_process import ProcessOptions
from jobs.consumer.supervisor import GAVE_UP, Supervisor
from jobs.consumer.task_process.attempt import AttemptInProcess
from jobs.consumer.task_process.coroutine import run_to_end
from jobs.consumer.task_process.pool import TaskProcessPool
from jobs.consumer.task_process.process import TaskProcess
from jobs.consumer.thread_signals import ThreadSignals
from jobs.core.command import Command
from jobs.core.shortages import shortage
from jobs.core.states import AttemptOutcome, Status
from jobs.core.tempdirs import TempDir
from jobs.errors import CannotStart, OutOfResources
from jobs.lifecycle import Outcome
from tests.claims import make_claim
from tests.waiting import wait_until

NO_THREAD = RuntimeError("can't start new thread")
START = threading.Thread.start


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (os_error(errno.EMFILE), "ulimit -n"),
        (os_error(errno.ENFILE), "fs.file-max"),
        (os_error(errno.EAGAIN), "pids limit"),
        (os_error(errno.ENOMEM), "memory"),
        (os_error(errno.ENOSPC), "the disk is full"),
        (os_error(errno.EROFS), "read-only"),
        (MemoryError(), "memory"),
        (NO_THREAD, "ulimit -u"),
    ],
)
def test_what_the_system_says_names_what_helps(error: Exception, said: str) -> None:
    assert said in shortage(error)


def test_windows_says_it_by_numbers_of_its_own() -> None:
    error = os_error(errno.EINVAL)
    error.winerror = 1455  # type: ignore[attr-defined, unused-ignore]
    assert "memory" in shortage(error)


@pytest.mark.parametrize(
    "error", [os_error(errno.ENOENT), RuntimeError("dictionary changed"), ValueError(), OSError()]
)
def test_other_errors_are_no_shortage(error: Exception) -> None:
    assert shortage(error) == ""


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise NO_THREAD

    monkeypatch.setattr(threading.Thread, "start", start)


@pytest.fixture
def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise os_error(errno.EAGAIN)

    monkeypatch.setattr(subprocess, "Popen", refuse)


# Children.


def attempt_of(claim: Any = None) -> Attempt:
    made = Attempt(claim or make_claim(), lambda *settled: None, "here:7")
    made.begin()
    return made


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.usefixtures("no_processes")
def test_a_process_that_cannot_be_started(alone: bool) -> None:
    with pytest.raises(CannotStart, match=r"no process could be started for a task: no more proc"):
        TaskProcessPool().run(attempt_of(), {}, alone=alone)


def test_a_python_that_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As after an upgrade of the packages under a running consumer."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(CannotStart, match="no process could be started for a task"):
        TaskProcess()


def test_a_child_without_a_thread_that_reads_it_is_ended(
    monkeypatch: pytest.MonkeyPatch, no_threads: None
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = TaskProcess._start

    def start(self: TaskProcess) -> subprocess.Popen[bytes]:
        started.append(real(self))
        return started[0]

    monkeypatch.setattr(TaskProcess, "_start", start)
    with pytest.raises(CannotStart, match="no more processes or threads"):
        TaskProcess()
    assert started[0].poll() is not None
    assert all(pipe is not None and pipe.closed for pipe in (started[0].stdin, started[0].stdout))


def test_a_child_that_ends_before_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has too little memory to load the project, or the project cannot be loaded any more."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "no_such_settings")
    claim = make_claim()
    child = TaskProcess()
    try:
        outcome = AttemptInProcess(child, attempt_of(claim)).run({})
    finally:
        child.kill()
    assert outcome is not None
    assert (outcome.outcome, outcome.target) == (AttemptOutcome.RELEASED, Status.SCHEDULED)
    assert "it ended before it was ready (exit code 1" in outcome.message


# The event loop.


@pytest.fixture
def no_loop_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_loop, "_current", None)


@pytest.mark.usefixtures("no_loop_yet", "no_threads")
def test_no_thread_for_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(asyncio, "new_event_loop", lambda: loop)
    with pytest.raises(CannotStart, match="no event loop could be started"):
        event_loop.loop_thread()
    assert loop.is_closed()


def test_no_event_loop_in_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise os_error(errno.EMFILE)

    async def task() -> int:
        return 7

    monkeypatch.setattr(asyncio, "new_event_loop", refuse)
    monkeypatch.setattr(asyncio.events, "new_event_loop", refuse)
    said = "no event loop could be started for the task: too many"
    with warnings.catch_warnings(action="ignore"):  # asgiref leaves coroutines that it cannot run
        with pytest.raises(CannotStart, match=said):
            run_to_end(task)
        gc.collect()
    monkeypatch.undo()
    assert run_to_end(task) == 7


@pytest.mark.parametrize("error", [os_error(errno.EMFILE), MemoryError(), NO_THREAD])
def test_what_a_coroutine_in_a_child_has_too_little_of_is_its_own(error: Exception) -> None:
    async def task() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        run_to_end(task)
    assert caught.value is error


# What becomes of the job.


def test_a_module_that_cannot_be_opened_now_costs_nothing() -> None:
    outcome = outcome_before_start(make_claim(), os_error(errno.EMFILE))
    assert (outcome.outcome, outcome.target) == (AttemptOutcome.RELEASED, Status.SCHEDULED)
    assert outcome.shortage.startswith("the task could not be begun: too many files")
    other = outcome_before_start(make_claim(), os_error(errno.ENOENT))
    assert other.outcome == AttemptOutcome.FAILED


@pytest.mark.parametrize(("attempt", "pause"), [(1, 2.0), (3, 8.0), (40, LONGEST_PAUSE)])
def test_a_job_that_cannot_be_started_waits_longer_each_time(attempt: int, pause: float) -> None:
    claim = replace(make_claim(), attempt=attempt)
    outcome = outcome_of_error(claim, CannotStart("no process could be started", "why"))
    assert (outcome.outcome, outcome.target) == (AttemptOutcome.RELEASED, Status.SCHEDULED)
    assert pause / 2 <= outcome.pause <= pause
    assert outcome.shortage == "no process could be started: why"


def test_a_task_that_has_begun_is_handed_back_some_times_only() -> None:
    error = OutOfResources("the temporary folder could not be made", "the disk is full")
    kept = replace(make_claim(), attempt=FREE_ATTEMPTS, max_attempts=3)
    assert outcome_of_error(kept, error).outcome == AttemptOutcome.RELEASED
    spent = replace(kept, attempt=FREE_ATTEMPTS + 1)
    assert outcome_of_error(spent, error).outcome == AttemptOutcome.FAILED


def test_a_child_tells_its_parent_what_there_was_too_little_of() -> None:
    claim = make_claim()
    outcome = outcome_of_error(claim, OutOfResources("the command could not be started", "why"))
    told = Outcome.from_json(claim, outcome.to_json())
    assert (told.outcome, told.pause, told.shortage) == (
        AttemptOutcome.RELEASED,
        outcome.pause,
        "the command could not be started: why",
    )


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_no_temporary_folder(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(self: TempDir) -> Path:
        raise os_error(number)

    monkeypatch.setattr(TempDir, "make", refuse)
    with pytest.raises(OutOfResources, match="the temporary folder could not be made") as caught:
        AttemptResources(make_claim().id, 1).tempdir()
    assert isinstance(caught.value, OSError)
    assert caught.value.errno == number


@pytest.mark.usefixtures("no_processes")
def test_a_command_that_cannot_be_started() -> None:
    with pytest.raises(OutOfResources, match="the command could not be started: no more proc"):
        run_command(attempt_of(), Command([sys.executable]), None, check=True)


# The slots.


class Clock:
    """Stands still until it is set."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(slot_limit, "time", made)
    return made


def test_fewer_slots_for_a_while_and_a_word_of_it_once(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limit = SlotLimit(8)
    limit.lower("no process could be started", busy=3, in_child=True)
    limit.lower("no process could be started", busy=2, in_child=True)
    assert limit.usable() == 2
    for expected in (4, 8):
        clock.now += RAISE_SECONDS
        limit.ended(in_child=True)
        assert limit.usable() == expected
    limit.ended(in_child=False)
    assert len(caplog.messages) == 1, "that needed no process"
    limit.ended(in_child=True)
    assert not limit.is_short
    assert [line.partition(" ")[0] for line in caplog.messages] == ["No", "There"]


def test_nothing_is_claimed_while_nothing_can_be_started(clock: Clock) -> None:
    limit = SlotLimit(8)
    for pause in (0.5, 1.0, 2.0):
        limit.lower("no process could be started", busy=0, in_child=True)
        clock.now += pause - 0.01
        assert limit.usable() == 0
        clock.now += 0.01
        assert limit.usable() == 1


def test_a_limit_that_lasts_is_tried_more_and_more_rarely(clock: Clock) -> None:
    limit = SlotLimit(8)
    limit.lower("no process could be started", busy=3, in_child=True)
    clock.now += RAISE_SECONDS
    assert limit.usable() == 6
    limit.lower("no process could be started", busy=3, in_child=True)
    clock.now += RAISE_SECONDS
    assert limit.usable() == 3
    clock.now += RAISE_SECONDS
    assert limit.usable() == 6
    clock.now += 2 * RAISE_SECONDS
    assert limit.usable() == 8
    limit.ended(in_child=True)
    limit.lower("no process could be started", busy=3, in_child=True)
    clock.now += RAISE_SECONDS
    assert limit.usable() == 6, "the next shortage begins as the first one did"


@pytest.fixture
def slots() -> Slots:
    signals = ThreadSignals()
    polls = QueuePolls(["default"], signals)
    return Slots(4, "here:7", signals, polls, PendingWrites(), DurationStats())


def claim_jobs(slots: Slots, count: int) -> list[Attempt]:
    batch = slots.plan()
    batch.claims = {"default": count}
    claims = [make_claim() for _ in range(count)]
    slots.done(batch, BatchResult(claims={"default": claims}))
    return list(slots.take("default"))


def test_a_shortage_hands_back_what_has_not_begun(slots: Slots) -> None:
    first, second, *rest = claim_jobs(slots, 4)
    assert first.begin()
    assert second.begin()
    second.settle(outcome_of_error(second.claim, CannotStart("no process", "why")))
    assert [attempt.settled for attempt in (first, *rest)] == [False, True, True]
    assert slots.wait_for_free(0) == 0, "one runs, and one slot is used for now"
    outcomes = slots.plan().outcomes
    assert {outcome.outcome for outcome in outcomes} == {AttemptOutcome.RELEASED}
    assert all(not attempt.begin() for attempt in rest)


def test_a_pool_that_gets_no_thread_goes_on_with_those_it_has(slots: Slots) -> None:
    """A thread that the pool has takes up the batch; what none has taken up is handed back."""
    attempts = claim_jobs(slots, 3)
    attempts[0].begin()

    class Port:
        def __init__(self) -> None:
            self.stopped = False

        def stopping(self) -> bool:
            return self.stopped

        def take(self, queue: str) -> list[Attempt]:
            self.stopped = True
            return attempts

        def no_thread(self, why: str) -> None:
            slots.no_thread(why)

    def submit(batch: object) -> None:
        raise NO_THREAD

    port: Any = Port()
    plain_threads.feed("default", port, 4, submit)
    assert [attempt.settled for attempt in attempts] == [False, True, True]


# Threads that are not needed at once.


@pytest.mark.usefixtures("no_threads")
def test_a_request_does_not_fail_because_messages_cannot_be_sent_now(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sent = threading.Event()
    publisher = Publisher("Redis", lambda batch: sent.set())
    job = make_claim().id
    publisher.put("default", job)
    assert "jobs start later" in caplog.text
    monkeypatch.undo()
    publisher.put("default", job)
    assert sent.wait(10)


@pytest.mark.usefixtures("no_threads")
def test_the_depth_of_a_queue_is_asked_for_again_when_there_is_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = DepthCache(lambda queue: 7)
    assert cache.of(["default"]) == {}
    monkeypatch.undo()
    assert wait_until(lambda: cache.of(["default"])) == {"default": 7}


@pytest.mark.usefixtures("no_threads")
def test_the_batch_writer_goes_on_though_signals_get_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[Outcome] = []
    monkeypatch.setattr(finished_signals, "wants_task_finished", lambda outcome: True)
    monkeypatch.setattr(finished_signals, "send_task_finished", sent.extend)
    monkeypatch.setattr(finished_signals, "close_old_connections", lambda: None)
    no_database = SimpleNamespace(close=lambda: None)
    monkeypatch.setattr(finished_signals, "connection", lambda: no_database)
    signals = finished_signals.FinishedSignals()
    first, second = (Outcome(claim=make_claim(), outcome=AttemptOutcome.SUCCEEDED),) * 2
    signals.add([first])
    monkeypatch.setattr(threading.Thread, "start", START)
    signals.add([second])
    assert signals.flush(10)
    assert sent == [first, second]


@pytest.mark.usefixtures("no_threads")
def test_a_cancel_reaches_the_other_jobs_though_a_callback_gets_no_thread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    resources = AttemptResources(make_claim().id, 1)
    resources.on_cancel(lambda: None)
    resources.cancel()
    assert "No thread could be started" in caplog.text


def test_a_new_queue_is_served_as_soon_as_there_is_a_thread_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from jobs import lifecycle

    monkeypatch.setattr(lifecycle, "waiting_queues", lambda: {"new"})
    refusals: Iterator[bool] = iter([True, False])
    served: list[str] = []

    class OneBroker:
        def consume(self, queues: list[str], port: object, threads: int) -> None:
            if next(refusals):
                raise NO_THREAD
            served.extend(queues)

    class OneRegistration:
        def add_queues(self, queues: list[str]) -> None:
            """There is no table."""

    broker: Any = OneBroker()
    registration: Any = OneRegistration()
    unused: Any = None
    any_queue = AnyQueue(broker, unused, QueuePolls([], ThreadSignals()), registration, 1)
    assert any_queue.serve_new()
    assert served == []
    assert not any_queue.serve_new()
    assert served == ["new"]


# The supervisor.


@pytest.mark.usefixtures("no_processes")
def test_a_supervisor_without_any_process_gives_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervised_process, "pause_after", lambda deaths: 0.0)
    options = ProcessOptions(command=["consumer"])
    stop = Shutdown()
    monkeypatch.setattr(stop, "wait", lambda seconds: False)
    with caplog.at_level(logging.WARNING, logger="jobs"):
        assert Supervisor(options, 2, stop, drain_seconds=0.0).run() == GAVE_UP
    said = [line for line in caplog.messages if "cannot be started: no more processes" in line]
    assert len(said) == 2, "once for each process"
    assert caplog.messages[-1].startswith("No consumer process can be started. Giving up")
