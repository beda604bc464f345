"""What a child process does with a claim, and with the end of its parent, seen from inside."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
from contextvars import ContextVar
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from jobs import JobContext, job
from jobs.catalog import all_tasks, registry
from jobs.consumer import failure_log, forks
from jobs.consumer.capture import current_attempt
from jobs.consumer.task_process import main, run
from jobs.consumer.task_process.protocol import MessageWriter, read_messages
from jobs.consumer.task_process.run import ChildReporter, ChildRun
from jobs.consumer.task_process.surroundings import Leaks
from jobs.errors import JobsError
from jobs.lifecycle import Claim
from tests.claims import make_claim


class Left(BaseException):
    """The process would have ended."""


class Surroundings:
    """A child's surroundings: what was put back, and whether tasks leave things behind."""

    def __init__(self) -> None:
        self.put_back: list[Any] = []
        self.leaked = False
        self.asked: list[tuple[str, int]] = []

    def count(self) -> int:
        return 5

    def has_leaked(self, task: str, before: int) -> bool:
        self.asked.append((task, before))
        return self.leaked


class Child:
    """Runs claims as a child does, and has what it sends."""

    def __init__(self) -> None:
        self.pipe = io.BytesIO()
        self.surroundings = Surroundings()
        self.connections: list[str] = []

    def run(self, claim: Claim) -> ChildRun:
        message = {"claim": claim.to_json(), "files": {}, "consumer": "h:7", "traceparent": None}
        one = ChildRun(MessageWriter(self.pipe), message)
        leaks: Any = self.surroundings
        one.run(leaks)
        return one

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.pipe.getvalue().splitlines()]

    @property
    def kinds(self) -> list[str]:
        return [next(iter(message)) for message in self.sent]


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Child:
    made = Child()
    connections = SimpleNamespace(
        refuse_open_transactions=lambda: made.connections.append("looked"),
        tidy=lambda: made.connections.append("tidied"),
    )
    monkeypatch.setattr(run, "TaskConnections", lambda: connections)
    monkeypatch.setattr(run, "remember", lambda: ["as it was"])
    monkeypatch.setattr(run, "put_back", made.surroundings.put_back.append)
    all_tasks()
    monkeypatch.setattr(registry, "_declared", {})
    monkeypatch.setattr(registry, "_by_name", {})
    return made


def test_a_task_is_run_and_everything_is_put_back(child: Child) -> None:
    @job(name="tests.look", executor="process")
    def look(context: JobContext) -> int:
        context.progress(1, 2, "half")
        context.progress(2, 2, "whole")  # too soon after the other
        context.log("a line")
        return 7

    before = current_attempt.get()
    one = child.run(make_claim(task="tests.look", kwargs={}))
    assert child.kinds == ["begun", "progress", "log", "progress", "outcome"]
    assert child.sent[3] == {"progress": [2.0, 2.0, "whole"]}, "the last one is never lost"
    outcome = child.sent[-1]["outcome"]
    assert (outcome["result"], outcome["is_logged"]) == (7, False)
    assert child.surroundings.put_back == [["as it was"]]
    assert child.surroundings.asked == [("tests.look", 5)]
    assert child.connections == ["looked", "tidied"]
    assert (one.has_ended, one.is_done.is_set()) == (True, True)
    assert current_attempt.get() is before
    assert one.reporter.settled


def test_a_child_in_which_tasks_leave_more_and_more_asks_to_be_replaced(child: Child) -> None:
    @job(name="tests.look", executor="process")
    async def look() -> int:
        return 8

    child.surroundings.leaked = True
    child.run(make_claim(task="tests.look", kwargs={}))
    assert child.sent[:2] == [{"begun": True}, {"spent": True}], "nothing follows the outcome"
    assert child.kinds[2:] == ["outcome"]
    assert child.sent[-1]["outcome"]["result"] == 8


def test_a_failure_is_logged_here_after_the_parent_knows_of_it(
    child: Child, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The exception is here; and a handler that sends mail must not use up the time limit."""

    @job(name="tests.look", executor="process")
    def look() -> None:
        raise ValueError("of the task")

    known: list[list[str]] = []
    logged = failure_log.log_failure_once

    def note(outcome: Any) -> None:
        known.append(child.kinds)
        logged(outcome)

    monkeypatch.setattr(run, "log_failure_once", note)
    child.run(make_claim(task="tests.look", kwargs={}))
    assert known == [["begun", "outcome"]]
    assert child.sent[-1]["outcome"]["is_logged"] is True
    assert "ValueError: of the task" in caplog.text
    assert child.connections == ["tidied"]
    assert child.surroundings.put_back, "what a task that fails has changed as well"


def test_a_job_that_cannot_begin_is_left_to_the_parent_to_log(child: Child) -> None:
    """Newer code may know it, and then it is no failure."""
    child.run(make_claim(task="tests.gone", kwargs={}))
    assert child.kinds == ["outcome"]
    outcome = child.sent[0]["outcome"]
    assert (outcome["error_type"], outcome["is_logged"]) == ("UnknownTask", False)
    assert outcome["cannot_begin"] is True


def test_whatever_keeps_it_from_beginning_fails_the_job_alone(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_it(*_: Any, **__: Any) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(run, "bind_call", raise_it)

    @job(name="tests.look", executor="process")
    def look() -> None: ...

    child.run(make_claim(task="tests.look", kwargs={}))
    assert child.kinds == ["outcome"], "it has not begun"
    assert child.sent[0]["outcome"]["error_type"] == "SystemExit"
    assert not issubclass(SystemExit, JobsError)


def test_a_cancel_that_came_is_told_with_the_outcome(child: Child) -> None:
    @job(name="tests.look", executor="process")
    def look(context: JobContext) -> None:
        current: Any = current_attempt.get()
        current.cancel("ada")
        raise ValueError("ended early")

    one = child.run(make_claim(task="tests.look", kwargs={}))
    assert one.reporter.cancelled_by() == "ada"


# What it reports.


@pytest.fixture
def reporter() -> tuple[ChildReporter, io.BytesIO]:
    pipe = io.BytesIO()
    return ChildReporter(MessageWriter(pipe), make_claim()), pipe


def messages(pipe: io.BytesIO) -> list[Any]:
    return [json.loads(line) for line in pipe.getvalue().splitlines()]


def test_a_stage_drops_the_progress_of_the_one_before(
    reporter: tuple[ChildReporter, io.BytesIO],
) -> None:
    report, pipe = reporter
    report.progress(1, None, "sent")
    report.progress(2, None, "too soon")
    report.stage("load", 1, 2)
    report.progress(1, None, "of the stage")
    sent = messages(pipe)
    assert [next(iter(one)) for one in sent] == ["progress", "stage", "progress"]
    assert sent[2] == {"progress": [1.0, None, "of the stage"]}, "at once"


def test_a_warning_and_a_line_are_sent(reporter: tuple[ChildReporter, io.BytesIO]) -> None:
    report, pipe = reporter
    report.warn("careful")
    report.log(7)  # type: ignore[arg-type]
    assert messages(pipe) == [{"warn": "careful"}, {"log": "7"}]


def test_a_process_that_its_task_has_forked_sends_nothing(
    reporter: tuple[ChildReporter, io.BytesIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    report, pipe = reporter
    monkeypatch.setattr(forks, "is_forked", lambda: True)
    report.print("between our messages")
    assert messages(pipe) == []


def test_progress_is_sent_as_often_as_it_is_read(
    reporter: tuple[ChildReporter, io.BytesIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    report, pipe = reporter
    now = 100.0
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr(run, "time", clock)
    for done in range(3):
        report.progress(done, 9, "")
        now += run.PROGRESS_SECONDS / 2
    report.flush()
    report.flush()
    assert [one["progress"][0] for one in messages(pipe)] == [0.0, 2.0]


# Its pipes.


class Ended(BaseException):
    """No more claims."""


def test_claims_are_run_one_after_the_other_in_contexts_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests, parent = os.pipe()
    mine, replies = os.pipe()
    os.close(parent)
    watched: list[tuple[int, ...]] = []
    ran: list[Any] = []
    writers: list[Any] = []
    language: ContextVar[str] = ContextVar("language", default="en")

    def run_one(leaks: Any) -> None:
        ran.append((leaks, language.get()))
        language.set("fr")

    class Writer(MessageWriter):
        def __init__(self, out: Any) -> None:
            writers.append(out)
            super().__init__(out)

    class Queue:
        def __init__(self) -> None:
            self.left = 2

        def get(self) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Ended
            return SimpleNamespace(run=run_one)

    monkeypatch.setattr(run, "SimpleQueue", Queue)
    monkeypatch.setattr(run, "MessageWriter", Writer)
    monkeypatch.setattr(run, "_receive", lambda *_: None)
    monkeypatch.setattr(forks, "watch", lambda *numbers: watched.append(numbers))
    with pytest.raises(Ended):
        run.run_until_parent_ends(requests, replies)
    assert watched == [(requests, replies)], "no fork holds them open"
    (leaks, _), (same, language_after) = ran
    assert isinstance(leaks, Leaks)
    assert leaks is same, "it is they together that leave more and more"
    assert language_after == "en"
    assert json.loads(os.read(mine, 1000)) == {"ready": os.getpid()}
    writers[0].close()
    os.close(requests)
    os.close(mine)


class Parent:
    """Says what a test has it say, and is gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Any] = []
        monkeypatch.setattr(run, "flush_trackers", lambda seconds: self.calls.append("trackers"))
        monkeypatch.setattr(os, "killpg", lambda *given: self.calls.append(given), raising=False)
        monkeypatch.setattr(os, "getpgrp", os.getpid, raising=False)
        monkeypatch.setattr(os, "_exit", self._leave)

    def _leave(self, code: int) -> None:
        self.calls.append(("exit", code))
        raise Left

    def say(self, *said: Any, run_all: bool = False) -> list[Any]:
        requests, parent = os.pipe()
        with open(parent, "wb") as pipe:  # noqa: PTH123  (a descriptor)
            writer = MessageWriter(pipe)
            for kind, value in said:
                writer.send(kind, value)
        runs: Any = SimpleQueue()
        if run_all:
            runs = SimpleNamespace(put=self._run)
        with pytest.raises(Left):
            run._receive(requests, MessageWriter(io.BytesIO()), runs)
        os.close(requests)
        return [] if run_all else [runs.get() for _ in range(runs.qsize())]

    def _run(self, one: ChildRun) -> None:
        one.has_ended = True
        one.is_done = SimpleNamespace(wait=lambda seconds: self.calls.append("logged"))  # type: ignore[assignment]


def claim_message(claim: Claim) -> tuple[str, Any]:
    values = {"claim": claim.to_json(), "files": {}, "consumer": "h:7", "traceparent": None}
    return "run", values


@pytest.mark.skipif(os.name == "nt", reason="no process groups")
def test_a_cancel_is_for_the_last_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = Parent(monkeypatch)
    first, second = make_claim(), make_claim()
    runs = parent.say(
        ("cancel", "nobody runs"), claim_message(first), claim_message(second), ("cancel", "ada")
    )
    assert [one.reporter.cancelled_by() for one in runs] == [None, "ada"]
    assert parent.calls == [(os.getpid(), signal.SIGKILL), ("exit", 0)], "a task is ended"


@pytest.mark.skipif(os.name == "nt", reason="no process groups")
def test_what_the_last_task_has_to_say_is_said_before_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parent = Parent(monkeypatch)
    parent.say(claim_message(make_claim()), run_all=True)
    assert parent.calls == ["logged", "trackers", (os.getpid(), signal.SIGKILL), ("exit", 0)]


@pytest.mark.skipif(os.name == "nt", reason="no process groups")
def test_a_child_in_the_group_of_another_ends_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    parent = Parent(monkeypatch)
    monkeypatch.setattr(os, "getpgrp", lambda: 1)
    parent.say()
    assert parent.calls == [("exit", 0)]


def test_messages_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = iter([b'{"a": ', b'1}\n{"b"', b": 2}\n", b'{"half": ', b""])
    monkeypatch.setattr(os, "read", lambda *_: next(pieces))
    assert list(read_messages(7)) == [{"a": 1}, {"b": 2}]


def test_a_pipe_that_takes_less_gets_the_rest() -> None:
    taken: list[bytes] = []

    class Narrow:
        def write(self, data: memoryview) -> int:
            taken.append(bytes(data[:4]))
            return min(4, len(data))

        def flush(self) -> None: ...

    pipe: Any = Narrow()
    MessageWriter(pipe).send("log", "text")
    assert b"".join(taken) == b'{"log": "text"}\n'


# How it starts.


def test_a_child_takes_its_pipes_before_it_loads_the_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[Any] = []
    monkeypatch.setattr(main, "_leave_signals_to_the_parent", lambda: order.append("signals"))

    def take_pipes() -> tuple[int, int]:
        order.append("pipes")
        return 3, 4

    monkeypatch.setattr(main, "_take_pipes", take_pipes)
    monkeypatch.setattr(main, "_set_up_django", lambda: order.append("project"))
    monkeypatch.setattr(run, "run_until_parent_ends", lambda *given: order.append(given))
    main.main()
    assert order == ["signals", "pipes", "project", (3, 4)]


def test_what_c_code_prints_is_not_between_our_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, ...]] = []
    monkeypatch.setattr(main, "take_standard_input", lambda: 3)

    def copy(number: int) -> int:
        calls.append((number,))
        return 4

    monkeypatch.setattr(os, "dup", copy)
    monkeypatch.setattr(os, "dup2", lambda *numbers: calls.append(numbers))
    pipes = main._take_pipes()
    monkeypatch.undo()
    assert pipes == (3, 4)
    assert calls == [(1,), (2, 1)], "standard error takes its place"


def test_signals_of_a_whole_group_are_the_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    handled: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", handled.__setitem__)
    main._leave_signals_to_the_parent()
    assert {signal.SIGINT, signal.SIGTERM} <= handled.keys()
    for handler in handled.values():
        assert handler not in {signal.SIG_IGN, signal.SIG_DFL}, "a task's programs would inherit it"
        assert handler(signal.SIGTERM, None) is None


def test_a_child_uses_the_databases_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    import django
    from django.db import connections

    used: list[str] = []
    settings = connections.settings["default"]
    monkeypatch.setitem(settings, "NAME", "of the settings")
    monkeypatch.setattr(django, "setup", lambda: used.append(settings["NAME"]))
    monkeypatch.setenv(_names(), json.dumps({"default": "of the test", "gone": "x"}))
    main._set_up_django()
    assert used == ["of the test"]


def _names() -> str:
    from jobs.consumer.task_process.protocol import DATABASE_NAMES

    return DATABASE_NAMES


def test_a_child_logs_to_a_console_where_nobody_else_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from jobs.consumer.console_log import logged_to_console

    logger = logging.getLogger("jobs")
    kept = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [], False
    try:
        for level, during in ((logging.NOTSET, logging.INFO), (logging.ERROR, logging.ERROR)):
            logger.setLevel(level)
            with logged_to_console():
                [handler] = logger.handlers
                assert handler.formatter is not None
                assert logger.level == during, "the project's own level is kept"
            assert (logger.handlers, logger.level) == ([], level)
        own = logging.NullHandler()
        logger.handlers = [own]
        with logged_to_console():
            assert logger.handlers == [own]
    finally:
        logger.handlers, _, logger.propagate = kept
        logger.setLevel(kept[1])
