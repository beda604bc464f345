"""The job object that holds a command together on Windows: which calls are made, in which order.

Windows' own libraries are replaced here; ``test_commands`` has the real ones where there are some.
"""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.core.command import job_object, windows_tree
from jobs.core.command.windows_tree import WindowsTree

CREATE_SUSPENDED, KILL_ON_JOB_CLOSE = 0x4, 0x2000


class Libraries:
    """kernel32 and ntdll, which write down the names of what is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.results: dict[str, int] = {}
        self.limits = 0
        names = "CreateJobObjectW SetInformationJobObject AssignProcessToJobObject"
        names += " TerminateJobObject CloseHandle NtResumeProcess"
        self.library = SimpleNamespace(**{name: self._function(name) for name in names.split()})

    def _function(self, name: str) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            self.calls.append(name)
            if name == "SetInformationJobObject":
                pointer = ctypes.cast(arguments[2], ctypes.POINTER(job_object._ExtendedLimits))
                self.limits = pointer.contents.BasicLimitInformation.LimitFlags
            return self.results.get(name, 0 if name == "NtResumeProcess" else 7)

        return call


class Process:
    """A process that ended with 3."""

    _handle = 11
    stdin = stdout = None

    def __init__(self, calls: list[str], args: Any, flags: int) -> None:
        self.args = args
        self.flags = flags
        self._calls = calls

    def wait(self, timeout: float | None = None) -> int:
        if timeout == 0:
            raise subprocess.TimeoutExpired("x", 0)
        return 3

    def kill(self) -> None:
        self._calls.append("kill")


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> Libraries:
    made = Libraries()

    def popen(args: Any, *, creationflags: int, **options: Any) -> Process:
        made.calls.append("Popen")
        return Process(made.calls, args, creationflags)

    monkeypatch.setattr(job_object, "_library", lambda name: made.library)
    monkeypatch.setattr(job_object, "_error", lambda: OSError("refused"))
    monkeypatch.setattr(windows_tree.subprocess, "Popen", popen)  # type: ignore[attr-defined]
    return made


def start() -> WindowsTree:
    return WindowsTree(["program"], cwd=None, env=None, takes_input=False)


def test_it_is_in_the_job_before_it_runs(libraries: Libraries) -> None:
    tree = start()

    assert libraries.calls == [
        "CreateJobObjectW",
        "SetInformationJobObject",
        "Popen",
        "AssignProcessToJobObject",
        "NtResumeProcess",
    ]
    assert libraries.limits == KILL_ON_JOB_CLOSE
    process: Any = tree._process
    assert process.flags & CREATE_SUSPENDED
    tree.close()


def test_its_end_ends_what_it_left(libraries: Libraries) -> None:
    tree = start()

    assert tree.wait(0) is None
    assert tree.wait(None) == 3
    assert libraries.calls[-1] == "TerminateJobObject"
    tree.close()
    assert libraries.calls[-1] == "CloseHandle"
    before = list(libraries.calls)
    tree.end()
    tree.close()
    assert libraries.calls == before


@pytest.mark.parametrize(
    ("call", "result"),
    [("AssignProcessToJobObject", 0), ("NtResumeProcess", -1073741790)],
)
def test_one_that_cannot_be_held_is_killed(libraries: Libraries, call: str, result: int) -> None:
    libraries.results[call] = result
    with pytest.raises(OSError, match=r"refused|resumed"):
        start()
    assert libraries.calls[-2:] == ["kill", "CloseHandle"]


@pytest.mark.parametrize("call", ["CreateJobObjectW", "SetInformationJobObject"])
def test_without_a_job_nothing_is_started(libraries: Libraries, call: str) -> None:
    libraries.results[call] = 0
    with pytest.raises(OSError, match="refused"):
        start()
    assert "Popen" not in libraries.calls


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the sizes are those of 64 bits")
def test_the_structures_have_the_sizes_of_windows_headers() -> None:
    assert ctypes.sizeof(job_object._BasicLimits) == 64
    assert ctypes.sizeof(job_object._ExtendedLimits) == 144
