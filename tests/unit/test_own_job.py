"""The job object of a consumer process on Windows, whose libraries are replaced here.

``tests/windows`` has the real ones.
"""

from __future__ import annotations

import ctypes
from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import own_job
from jobs.consumer.own_job import children_end_with_us
from jobs.core.command import job_object

KILL_ON_JOB_CLOSE, BREAKAWAY_OK = 0x2000, 0x800


class Kernel:
    """kernel32: which processes were put into a job, and which limits that has had."""

    def __init__(self) -> None:
        self.added: list[int] = []
        self.limits: list[int] = []
        self.refuses = False

    def library(self, name: str) -> SimpleNamespace:
        """Functions, because attributes are set on them."""

        def create(*_: Any) -> int:
            return 7

        def close(*_: Any) -> int:
            raise AssertionError("what a task has left on purpose would end")

        def assign(job: int, process: ctypes.c_void_p) -> int:
            self.added.append(ctypes.c_ssize_t(process.value or 0).value)
            return int(not self.refuses)

        def limit(job: int, kind: int, limits: Any, size: int) -> int:
            pointer = ctypes.cast(limits, ctypes.POINTER(job_object._ExtendedLimits))
            self.limits.append(pointer.contents.BasicLimitInformation.LimitFlags)
            return 1

        return SimpleNamespace(
            AssignProcessToJobObject=assign,
            CloseHandle=close,
            CreateJobObjectW=create,
            SetInformationJobObject=limit,
            TerminateJobObject=close,
        )


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(job_object, "_library", made.library)
    monkeypatch.setattr(job_object, "_error", lambda: OSError("refused"))
    monkeypatch.setattr(own_job, "os", SimpleNamespace(name="nt"))
    return made


def test_this_process_is_in_a_job_that_ends_with_it(kernel: Kernel) -> None:
    with children_end_with_us():
        assert kernel.added == [-1]
        assert kernel.limits == [KILL_ON_JOB_CLOSE | BREAKAWAY_OK]


def test_after_an_ordinary_end_what_a_task_has_started_goes_on(kernel: Kernel) -> None:
    with pytest.raises(KeyError), children_end_with_us():
        raise KeyError
    assert kernel.limits[-1] == 0


def test_a_sandbox_may_forbid_it(kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    kernel.refuses = True
    with children_end_with_us():
        assert "What this process is starting will outlive a kill: refused" in caplog.text


def test_elsewhere_there_is_none(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_job, "os", SimpleNamespace(name="posix"))
    with children_end_with_us():
        assert kernel.added == []
