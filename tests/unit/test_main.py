"""How ``runconsumers`` ends when its consumer breaks off."""

from __future__ import annotations

import errno
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import main
from jobs.consumer.process import ConsumerOptions
from jobs.consumer.restart_policy import BROKEN_OFF, DRAINED, REPLACE, STOPPED
from jobs.consumer.shutdown import Shutdown


class Broken:
    """A consumer process that trips over a fault of ours."""

    def __init__(self, *arguments: Any) -> None:
        """Nothing is registered."""

    def run(self) -> int:
        raise RuntimeError("a fault of ours")


def test_a_consumer_that_breaks_off_ends_its_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not by an exception: the interpreter would wait for threads that never end."""
    left: list[int] = []
    monkeypatch.setattr(main, "ConsumerProcess", Broken)
    monkeypatch.setattr(main, "leave_now", left.append)
    monkeypatch.setattr(Shutdown, "install", lambda self, parent_pipe: None)

    main.serve(ConsumerOptions(queues=["q"], concurrency=1), processes=1, parent_pipe=False)

    assert left == [1]
    assert "a fault of ours" in caplog.text


@pytest.mark.parametrize(("any_queue", "named"), [(False, ["--queues=a,b"]), (True, [])])
def test_a_process_of_several_serves_what_was_asked_for(any_queue: bool, named: list[str]) -> None:
    """Queues that nobody listed are served by no ``--queues``."""
    options = ConsumerOptions(
        queues=["a", "b"], concurrency=3, any_queue=any_queue, until_idle=any_queue
    )
    command = main._command(options)
    assert [one for one in command if one.startswith("--queues")] == named
    assert ("--until-idle" in command) is any_queue
    assert {"runconsumers", "--parent-pipe", "--concurrency=3"} <= set(command)


class Run:
    """Stands in for what ``serve`` starts: a consumer process, and a supervisor."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *codes: int | Exception) -> None:
        self.codes = list(codes)
        self.calls: list[Any] = []
        monkeypatch.setattr(main, "ConsumerProcess", self._starting("consumer"))
        monkeypatch.setattr(main, "Supervisor", self._starting("supervisor"))
        monkeypatch.setattr(main, "leave_now", self._noting("left"))
        monkeypatch.setattr(Shutdown, "install", lambda *_, **pipe: self.calls.append(pipe))
        monkeypatch.setattr(Shutdown, "uninstall", lambda *_: self.calls.append("uninstalled"))
        reports = SimpleNamespace(
            close=lambda: self.calls.append("closed"), of_processes=lambda count: None
        )
        monkeypatch.setattr(main, "HealthReports", lambda options: reports)

    def _noting(self, name: str) -> Any:
        return lambda *given: self.calls.append((name, *given))

    def _starting(self, name: str) -> Any:
        def make(*given: Any, **named: Any) -> Any:
            def run() -> int:
                count = f" of {given[1]}" if name == "supervisor" else ""
                self.calls.append(f"{name}{count}")
                code = self.codes.pop(0)
                if isinstance(code, Exception):
                    raise code
                return code

            return SimpleNamespace(run=run)

        return make


OPTIONS = ConsumerOptions(queues=["q"], concurrency=1)


@pytest.mark.parametrize(
    ("code", "parent_pipe", "left"),
    [
        (DRAINED, False, DRAINED),
        (STOPPED, True, STOPPED),
        (STOPPED, False, DRAINED),  # nobody replaces it, so it is no news
        (REPLACE, True, REPLACE),
    ],
)
def test_the_code_of_one_process(
    monkeypatch: pytest.MonkeyPatch, code: int, parent_pipe: bool, left: int
) -> None:
    run = Run(monkeypatch, code)
    assert main.serve(OPTIONS, processes=1, parent_pipe=parent_pipe) == left
    assert run.calls == [{"parent_pipe": parent_pipe}, "consumer", "closed", ("left", left)]


def test_one_that_has_to_be_replaced_and_has_no_parent_gets_a_supervisor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(monkeypatch, REPLACE, DRAINED)
    assert main.serve(OPTIONS, processes=1, parent_pipe=False) == DRAINED
    assert run.calls[1:] == ["consumer", "supervisor of 1", "closed", ("left", DRAINED)]


def test_several_processes_have_a_supervisor_from_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(monkeypatch, 1)
    assert main.serve(OPTIONS, processes=2, parent_pipe=False) == 1
    assert run.calls == [{"parent_pipe": False}, "supervisor of 2", "closed"]
    run = Run(monkeypatch, OSError("a fault of ours"))
    with pytest.raises(OSError, match="a fault of ours"):
        main.serve(OPTIONS, processes=2, parent_pipe=False)
    assert run.calls[-1] == "closed"


def test_a_shortage_is_said_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(monkeypatch, OSError(errno.EMFILE, "Too many open files"))
    assert main.serve(OPTIONS, processes=1, parent_pipe=True) == BROKEN_OFF
    assert run.calls[-2:] == ["closed", ("left", BROKEN_OFF)]
    [said] = caplog.messages
    assert said.startswith("The consumer broke off, and its jobs run again: ")
    assert "Traceback" not in caplog.text


# In a process that goes on.


@pytest.mark.parametrize(("code", "returned"), [(DRAINED, 0), (STOPPED, 0), (BROKEN_OFF, 1)])
def test_an_embedded_consumer_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, code: int, returned: int
) -> None:
    run = Run(monkeypatch, code)
    assert main.serve_embedded(OPTIONS, processes=1) == returned
    assert run.calls == [{}, "consumer", "closed", "uninstalled"]


def test_an_embedded_consumer_that_has_to_be_replaced_starts_afresh_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(monkeypatch, REPLACE, REPLACE, DRAINED)
    assert main.serve_embedded(OPTIONS, processes=1) == DRAINED
    assert run.calls.count("consumer") == 3
    stopping = Run(monkeypatch, REPLACE)
    monkeypatch.setattr(Shutdown, "wait", lambda self, seconds: True)
    assert main.serve_embedded(OPTIONS, processes=1) == DRAINED
    assert stopping.calls.count("consumer") == 1, "it was told to stop meanwhile"


def test_an_embedded_supervisor_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, DRAINED)
    assert main.serve_embedded(OPTIONS, processes=2) == DRAINED
    assert run.calls == [{}, "supervisor of 2", "closed", "uninstalled"]


def test_off_the_main_thread_no_signal_is_handled(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(monkeypatch, DRAINED)
    codes: list[int] = []
    thread = threading.Thread(
        target=lambda: codes.append(main.serve_embedded(OPTIONS, processes=1))
    )
    thread.start()
    thread.join(30)
    assert codes == [DRAINED]
    assert run.calls == ["consumer", "closed"]


@pytest.mark.parametrize(("script", "options"), [("manage.py", 1), ("pytest", 2)])
def test_a_process_is_started_as_its_parent_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, options: int
) -> None:
    monkeypatch.setattr(sys, "argv", [str(tmp_path / script), "runconsumers"])
    expected = [str((tmp_path / script).resolve())] if options == 1 else ["-m", "django"]
    assert main._command(OPTIONS)[1 : 1 + options] == expected
