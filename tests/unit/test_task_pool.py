"""Which child a job gets, what becomes of it then, and that nothing outlives its consumer."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty
from typing import Any

import pytest

from jobs.consumer.attempt import Attempt
from jobs.consumer.outcomes import cancelled
from jobs.consumer.task_process import pool, protocol
from jobs.consumer.task_process.attempt import AttemptInProcess
from jobs.consumer.task_process.pool import IDLE_SECONDS, TaskProcessPool
from jobs.consumer.task_process.process import TaskProcess
from jobs.core.states import AttemptOutcome
from jobs.lifecycle import Outcome
from tests.claims import make_claim
from tests.living import Watch

DONE = {protocol.OUTCOME: {"outcome": "succeeded", "result": 7}}


class Child:
    """A child that says what it is given, then nothing."""

    made: list[Child]
    messages: Sequence[Any] = (DONE,)
    """What each child that is made will say: messages, ``Empty``, or None at its end."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.is_ready = True
        self.is_spent = False
        self.alive = True
        self.ended = self.killed = self.closed = False
        self.received: list[dict[str, Any]] = []
        self._inbox: list[Any] = []
        Child.made.append(self)

    def send(self, kind: str, value: Any) -> None:
        self.received.append({kind: value})
        if kind == protocol.RUN:
            self._inbox += Child.messages

    def receive(self, timeout: float) -> Any:
        message = self._inbox.pop(0)
        if message is Empty:
            raise Empty
        return message

    def has_unread_messages(self) -> bool:
        return bool(self._inbox)

    def is_alive(self) -> bool:
        return self.alive

    def cause_of_death(self) -> str:
        return "signal 9"

    def close(self) -> None:
        self.closed = True

    def end(self) -> None:
        self.ended = True
        self.alive = False

    def kill(self) -> None:
        self.killed = True
        self.alive = False


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[Child]:
    """The children that are made."""
    monkeypatch.setattr(pool, "TaskProcess", Child)
    monkeypatch.setattr(Child, "made", [], raising=False)
    monkeypatch.setattr(Child, "messages", (DONE,))
    return Child.made


def attempt_of(**fields: Any) -> Attempt:
    made = Attempt(make_claim(**fields), lambda *settled: None, "here:7")
    made.begin()
    return made


def run(pool: TaskProcessPool, *, alone: bool = False) -> Outcome | None:
    return pool.run(attempt_of(), {}, alone=alone)


# Which child a job gets.


def test_a_child_is_used_again(children: list[Child]) -> None:
    pool = TaskProcessPool()
    assert [one.result for _ in range(3) if (one := run(pool))] == [7, 7, 7]
    assert len(children) == 1
    assert not children[0].ended


def test_who_may_have_killed_a_consumer_gets_a_child_that_nobody_else_uses(
    children: list[Child],
) -> None:
    pool = TaskProcessPool()
    run(pool)
    run(pool, alone=True)
    run(pool)
    assert [child.ended for child in children] == [False, True]
    assert [len(child.received) for child in children] == [2, 1]


def test_a_child_that_died_while_it_was_idle_is_handed_to_nobody(children: list[Child]) -> None:
    pool = TaskProcessPool()
    run(pool)
    children[0].alive = False
    assert run(pool) is not None
    assert [len(child.received) for child in children] == [1, 1]


def test_a_child_that_asked_to_be_replaced_is(children: list[Child]) -> None:
    Child.messages = ({protocol.SPENT: True}, DONE)
    pool = TaskProcessPool()
    run(pool)
    run(pool)
    assert [child.ended for child in children] == [True, True]


def test_a_child_is_killed_when_its_attempt_breaks_off(children: list[Child]) -> None:
    Child.messages = ()
    pool = TaskProcessPool()
    with pytest.raises(IndexError):
        run(pool)
    assert children[0].killed
    pool.kill_all()
    assert not children[0].closed, "it is nobody's any more"


def test_all_children_end_with_their_consumer(children: list[Child]) -> None:
    pool = TaskProcessPool()
    run(pool)
    busy = Child()
    pool._busy.add(busy)  # type: ignore[arg-type]
    pool.kill_all()
    assert (busy.killed, children[0].ended) == (True, True)
    run(pool)
    assert len(children[0].received) == 1, "it is not handed out any more"


def test_idle_children_are_told_to_end_before_any_is_waited_for(
    children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may have to send something to an error tracker: they do so at the same time."""
    told: list[str] = []
    monkeypatch.setattr(Child, "close", lambda child: told.append("close"))
    monkeypatch.setattr(Child, "end", lambda child: told.append("end"))
    made = TaskProcessPool()
    made._idle = [Child(), Child()]  # type: ignore[list-item]
    made.kill_all()
    assert told == ["close", "close", "end", "end"]


def test_only_children_that_are_idle_for_long_are_ended(
    children: list[Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[Child] = []
    monkeypatch.setattr(pool, "_end", ended.extend)
    made = TaskProcessPool()
    run(made)
    made.trim()
    assert ended == []
    children[0].idle_since -= IDLE_SECONDS + 1.0
    made.trim()
    assert ended == children
    run(made)
    assert len(children) == 2


# The last words of a child.


def outcome_of(messages: Sequence[Any], *, alive: bool) -> tuple[Outcome | None, Attempt]:
    child: Any = Child()
    child.alive = alive
    Child.messages = messages
    attempt = attempt_of()
    return AttemptInProcess(child, attempt).run({}), attempt


def log_of(attempt: Attempt) -> str:
    update, _ = attempt.collect()
    return "" if update is None else update.log


@pytest.mark.usefixtures("children")
def test_what_a_dead_child_has_said_counts() -> None:
    """It may end before anybody reads what it wrote."""
    outcome, attempt = outcome_of([Empty, {protocol.PRINT: "last words"}, DONE], alive=False)
    assert outcome is not None
    assert (outcome.outcome, outcome.result) == (AttemptOutcome.SUCCEEDED, 7)
    assert "last words" in log_of(attempt)


@pytest.mark.usefixtures("children")
@pytest.mark.parametrize("end", [None, Empty])
def test_a_child_that_dies_in_its_task_has_told_why_it_had_not_ended(end: Any) -> None:
    outcome, attempt = outcome_of([{protocol.LOG: "last words"}, end], alive=False)
    assert outcome is not None
    assert (outcome.outcome, outcome.error_type) == (AttemptOutcome.DIED, "WorkerDied")
    assert outcome.message == "worker process died: signal 9"
    assert "last words" in log_of(attempt)


@pytest.mark.usefixtures("children")
def test_a_silent_child_that_lives_is_waited_for() -> None:
    outcome, _ = outcome_of([Empty, Empty, DONE], alive=True)
    assert outcome is not None
    assert outcome.outcome == AttemptOutcome.SUCCEEDED


@pytest.mark.usefixtures("children")
def test_a_child_that_ends_after_its_attempt_was_settled_says_nothing_more() -> None:
    child: Any = Child()
    Child.messages = [None]
    attempt = attempt_of()
    attempt.settle(cancelled(attempt.claim, "ada"))
    assert AttemptInProcess(child, attempt).run({}) is None


@pytest.mark.usefixtures("children")
def test_a_child_whose_job_another_consumer_has_is_killed() -> None:
    child: Any = Child()
    Child.messages = [Empty]
    attempt = attempt_of()
    attempt.lose()
    outcome = AttemptInProcess(child, attempt).run({})
    assert outcome is not None
    assert outcome.outcome == AttemptOutcome.RELEASED
    assert child.killed


# Real ones.


def running_child(watch: Watch) -> TaskProcess:
    """A child whose task is silent and has started a program, which has started another."""
    child = TaskProcess()
    path = "tests.testapp.author_tasks.start_plainly"
    name, kwargs = "testapp.start_plainly", {"port": watch.port}
    claim = make_claim(task=name, module_path=path, kwargs=kwargs, timeout=60)
    values = {"claim": claim.to_json(), "files": {}, "consumer": "here:7", "traceparent": None}
    child.send(protocol.RUN, values)
    watch.wait_started(2)
    return child


def test_a_child_and_what_it_has_started_end_with_their_consumer() -> None:
    """Its pipe ends, however its consumer has ended."""
    with Watch() as watch:
        child = running_child(watch)
        child.close()
        watch.wait_ended()
        assert child.cause_of_death()
        child.kill()


def test_what_a_child_has_started_ends_when_it_is_killed() -> None:
    with Watch() as watch:
        child = running_child(watch)
        child.kill()
        watch.wait_ended()
        assert not child.is_alive()
