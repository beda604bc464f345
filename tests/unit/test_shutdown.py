"""How a process is told to stop: by signals, by its parent's pipe, by the end of that pipe."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType
from typing import Any

import pytest

from jobs.consumer import shutdown
from jobs.consumer.shutdown import EXIT_NOW, Shutdown


class Left(BaseException):
    """The process would have ended."""


@pytest.fixture(autouse=True)
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    codes: list[int] = []

    def leave(code: int) -> None:
        codes.append(code)
        raise Left

    monkeypatch.setattr(os, "_exit", leave)
    return codes


@pytest.fixture
def handlers() -> Iterator[None]:
    """Whatever a test installs is gone after it."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
def test_the_first_signal_asks_for_a_drain_and_the_second_ends_the_process(
    exits: list[int],
) -> None:
    closed: list[str] = []
    stop = Shutdown(before_exit=lambda: closed.append("reports"))
    stop.install()
    assert not stop.wait(0)
    signal.raise_signal(signal.SIGTERM)
    assert stop.wait(0)
    assert (closed, exits) == ([], [])
    with pytest.raises(Left):
        signal.raise_signal(signal.SIGINT)
    assert (closed, exits) == (["reports"], [EXIT_NOW])


@pytest.mark.usefixtures("handlers")
def test_a_signal_may_come_at_any_moment_of_a_wait() -> None:
    """Also while the thread that waits holds a lock of what it waits for."""
    lines, reached = 0, True
    while reached:
        lines += 1
        stop = Shutdown()
        stop.install()
        reached = signalled_at(lines, partial(stop.wait, 0.001))
        assert stop.wait(0) == reached
    assert lines > 3


def signalled_at(count: int, call: Callable[[], object]) -> bool:
    """Send ourselves a signal before so many lines of what is called have run; whether it has."""
    left = count

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left == 0:
                signal.raise_signal(signal.SIGTERM)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return left <= 0


def test_each_thread_that_waits_is_told() -> None:
    stop = Shutdown()
    with ThreadPoolExecutor(3) as pool:
        waits = [pool.submit(stop.wait, 60) for _ in range(3)]
        stop.request()
        assert [one.result(30) for one in waits] == [True] * 3


def test_it_ends_though_what_it_does_before_fails(exits: list[int]) -> None:
    def fail() -> None:
        raise ValueError("a fault of ours")

    with pytest.raises(Left):
        Shutdown(before_exit=fail)._exit_now()
    with pytest.raises(Left):
        Shutdown()._exit_now()
    assert exits == [EXIT_NOW] * 2


@pytest.mark.usefixtures("handlers")
def test_a_second_signal_interrupts_a_process_that_goes_on_afterwards(exits: list[int]) -> None:
    stop = Shutdown(embedded=True)
    stop.install()
    signal.raise_signal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert exits == []


@pytest.mark.usefixtures("handlers")
def test_the_handlers_of_before_are_put_back_once() -> None:
    def of_the_program(*_: Any) -> None: ...

    signal.signal(signal.SIGTERM, of_the_program)
    stop = Shutdown()
    stop.install()
    assert signal.getsignal(signal.SIGTERM) != of_the_program
    stop._before[int(signal.SIGINT)] = None  # one that C code has installed
    stop.uninstall()
    assert signal.getsignal(signal.SIGTERM) is of_the_program
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    stop.uninstall()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_a_closed_terminal_is_a_signal_for_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """``nohup`` works for the others."""
    handled: list[int] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: handled.append(number))
    Shutdown().install()
    assert signal.SIGHUP not in handled
    Shutdown().install(hangup=True)
    assert signal.SIGHUP in handled


def test_a_line_of_the_parent_asks_for_a_drain_and_its_end_for_more(
    exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = iter([b"drain\n", b""])
    stop = Shutdown()
    asked: list[bool] = []

    def read(pipe: int, size: int) -> bytes:
        asked.append(stop.wait(0))
        return next(lines)

    monkeypatch.setattr(os, "read", read)
    with pytest.raises(Left):
        stop._read_pipe(7)
    assert asked == [False, True]
    assert exits == [EXIT_NOW]


def test_standard_input_is_taken_and_an_empty_one_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that reads it must not wait for the parent's messages, nor take them."""
    calls: list[tuple[Any, ...]] = []

    def noting(name: str, answer: int) -> Any:
        def call(*given: Any) -> int:
            calls.append((name, *given))
            return answer

        return call

    monkeypatch.setattr(os, "dup", noting("dup", 70))
    monkeypatch.setattr(os, "open", noting("open", 71))
    monkeypatch.setattr(os, "dup2", lambda *numbers: calls.append(("dup2", *numbers)))
    monkeypatch.setattr(os, "close", lambda number: calls.append(("close", number)))
    taken = shutdown.take_standard_input()
    monkeypatch.undo()
    assert taken == 70
    assert calls == [
        ("dup", 0),
        ("open", os.devnull, os.O_RDONLY),
        ("dup2", 71, 0),
        ("close", 71),
    ]
