"""What happens in a process that a task forks, without forking one."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest
from django.db import connections

from jobs.consumer import capture, forks
from jobs.consumer.capture import current_attempt

pytestmark = pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="nothing forks here")


class Left(BaseException):
    """The process would have ended."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was asked of the system, in order; and our own state, put back afterwards."""
    made: list[Any] = []

    def leave(code: int) -> None:
        made.append(("exit", code))
        raise Left

    def mask(how: int, signals: Any) -> str:
        made.append(("mask", how, signals))
        return "the mask before"

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr(os, "close", lambda descriptor: made.append(("close", descriptor)))
    monkeypatch.setattr(signal, "pthread_sigmask", mask)
    monkeypatch.setattr(signal, "signal", lambda *given: made.append(("signal", *given)))
    monkeypatch.setattr(os, "register_at_fork", lambda **given: made.append(sorted(given)))
    monkeypatch.setattr(connections, "all", lambda **_: [])
    monkeypatch.setattr(forks, "_CLOSED_IN_FORKS", [])
    for name in ("_watching", "_registered", "_forked"):
        monkeypatch.setattr(forks, name, False)
    return made


def test_hooks_are_registered_once_however_many_consumers_a_process_has(calls: list[Any]) -> None:
    forks.watch(7)
    forks.end_watch()
    forks.watch(8)
    assert calls == [["after_in_child", "after_in_parent", "before"]]
    assert forks._CLOSED_IN_FORKS == [7, 8]


def test_no_signal_comes_in_between(calls: list[Any]) -> None:
    """One that came before the child has a handler of its own would be ignored there."""
    forks._deliver_signals()
    forks._hold_signals()
    assert calls == [], "no consumer: nothing is held"
    forks.watch()
    calls.clear()
    forks._hold_signals()
    forks._deliver_signals()
    forks._deliver_signals()
    assert calls == [
        ("mask", signal.SIG_BLOCK, [signal.SIGTERM]),
        ("mask", signal.SIG_SETMASK, "the mask before"),
    ], "put back once"


def test_a_fork_keeps_nothing_of_ours(calls: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []

    class Connections:
        def all(self, *, initialized_only: bool) -> list[Any]:
            assert initialized_only
            return [database]

        def __delitem__(self, alias: str) -> None:
            gone.append(alias)

    class Database:
        alias = "default"

        def close(self) -> None:
            raise AssertionError("it would tell the server, on a socket that is another's")

    database = Database()
    monkeypatch.setattr(forks, "connections", Connections())
    inherited: list[Any] = []
    monkeypatch.setattr(forks, "_INHERITED", inherited)
    token = current_attempt.set(object())  # type: ignore[arg-type]
    try:
        forks._prepare()
        assert not forks.is_forked()
        assert gone == [], "no consumer: the program's forks are its own"
        forks.watch(7, 8)
        forks._hold_signals()
        calls.clear()
        forks._prepare()
        assert current_attempt.get() is None
    finally:
        current_attempt.reset(token)
    assert forks.is_forked()
    assert calls == [
        ("signal", signal.SIGTERM, signal.SIG_DFL),
        ("mask", signal.SIG_SETMASK, "the mask before"),
        ("close", 7),
        ("close", 8),
    ]
    assert forks._CLOSED_IN_FORKS == [], "a fork of the fork may have others by these numbers"
    assert (gone, inherited) == (["default"], [database])


def test_a_fork_prints_where_the_consumer_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.stdout
    with capture.captured():
        assert sys.stdout is not before
        token = current_attempt.set(object())  # type: ignore[arg-type]
        try:
            capture._leave_to_the_parent()
            assert current_attempt.get() is None
        finally:
            current_attempt.reset(token)
        assert sys.stdout is before
        capture._leave_to_the_parent()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (SystemExit(), 0),
        (SystemExit(3), 3),
        (SystemExit(-1), 255),
        (SystemExit("a text"), 1),
        (ValueError("shown"), 1),
    ],
)
def test_a_fork_ends_where_its_task_does_as_python_would(
    calls: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException | None,
    code: int,
) -> None:
    """It would go on to write the outcome and to run what waits."""
    forks.leave_if_forked(error)
    assert calls == []
    monkeypatch.setattr(forks, "_forked", True)
    flushed: list[str] = []
    monkeypatch.setattr(sys.stdout, "flush", lambda: flushed.append("flushed"))
    with pytest.raises(Left):
        forks.leave_if_forked(error)
    assert calls == [("exit", code)]
    assert flushed
    assert ("ValueError: shown" in capsys.readouterr().err) is isinstance(error, ValueError)
