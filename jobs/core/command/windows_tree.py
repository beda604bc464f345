"""A command and its descendants on Windows, held together by a job object.

The job has the limit "kill on job close": Windows ends all its processes when the last handle to it
is closed, and it closes ours when we die, however that happens.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, Any, Final, cast

KILL_ON_JOB_CLOSE: Final = 0x2000
EXTENDED_LIMIT_INFORMATION: Final = 9
CREATE_SUSPENDED: Final = 0x4
CREATE_NO_WINDOW: Final = 0x08000000
ENDED: Final = 1
"""The exit code of a command that was ended."""


class _BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("BasicLimitInformation", _BasicLimits),
        ("IoInfo", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class WindowsTree:
    """A running command.

    Raises:
        OSError: it could not be started.
    """

    def __init__(
        self,
        args: str | Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str] | None,
        takes_input: bool,
    ) -> None:
        self._job = _make_job()
        try:
            # Suspended until it is in the job: what it starts is in the job, too.
            self._process = subprocess.Popen(
                args if isinstance(args, str) else list(args),
                cwd=cwd,
                env=env,
                stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                creationflags=CREATE_SUSPENDED | CREATE_NO_WINDOW,
            )
        except BaseException:
            self._close_job()
            raise
        try:
            _start_in_job(self._job, self._process)
        except BaseException:
            self._process.kill()
            self.close()
            raise

    @property
    def stdout(self) -> IO[bytes]:
        """What the command and its descendants write."""
        return cast("IO[bytes]", self._process.stdout)

    @property
    def stdin(self) -> IO[bytes] | None:
        """The command's input."""
        return self._process.stdin

    def wait(self, timeout: float | None) -> int | None:
        """Wait for the end of the command, then end what it left behind; return the exit code, None
        when that took longer."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self.end()
        return code

    def end(self) -> None:
        """End the command and its descendants. Any thread may call it, also twice."""
        if self._job:
            _kernel32().TerminateJobObject(self._job, ENDED)

    def close(self) -> None:
        """Let go of it: what still runs is ended."""
        self._close_job()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not sent yet cannot be delivered
                    stream.close()
        self._process.wait()

    def _close_job(self) -> None:
        job, self._job = self._job, None
        if job:
            _kernel32().CloseHandle(job)


def _kernel32() -> Any:
    library = _library("kernel32")
    library.CreateJobObjectW.restype = ctypes.c_void_p
    library.SetInformationJobObject.argtypes = (
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    library.AssignProcessToJobObject.argtypes = (ctypes.c_void_p, ctypes.c_void_p)
    library.TerminateJobObject.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    library.CloseHandle.argtypes = (ctypes.c_void_p,)
    return library


def _library(name: str) -> Any:
    return getattr(ctypes, "WinDLL")(name, use_last_error=True)  # noqa: B009  (Windows only)


def _error() -> OSError:
    error: OSError = getattr(ctypes, "WinError")(getattr(ctypes, "get_last_error")())  # noqa: B009
    return error


def _make_job() -> Any:
    kernel32 = _kernel32()
    job = kernel32.CreateJobObjectW(None, None)
    if not job:
        raise _error()
    limits = _ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = KILL_ON_JOB_CLOSE
    size = ctypes.sizeof(limits)
    if not kernel32.SetInformationJobObject(
        job, EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), size
    ):
        error = _error()
        kernel32.CloseHandle(job)
        raise error
    return job


def _start_in_job(job: Any, process: subprocess.Popen[bytes]) -> None:
    """Put a suspended process into the job and let it run.

    ``subprocess`` closes the handle of the first thread, so the whole process is resumed: by the
    call that debuggers and psutil use for that.
    """
    handle = ctypes.c_void_p(int(getattr(process, "_handle")))  # noqa: B009
    if not _kernel32().AssignProcessToJobObject(job, handle):
        raise _error()
    ntdll = _library("ntdll")
    ntdll.NtResumeProcess.argtypes = (ctypes.c_void_p,)
    if ntdll.NtResumeProcess(handle):
        raise OSError("The command could not be resumed in its job object.")
