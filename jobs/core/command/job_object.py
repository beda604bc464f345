"""A job object of Windows: processes that are ended together.

It has the limit "kill on job close": Windows ends all its processes when the last handle to it is
closed, and it closes ours when we die, however that happens.

What a process starts is in its job from the beginning. A process that is put into one after its
start may be left out: who starts it can be killed before that, even inside ``CreateProcess``, and
then it is suspended for ever.
"""

from __future__ import annotations

import ctypes
import subprocess
from typing import Any, Final

BREAKAWAY_OK: Final = 0x800
KILL_ON_JOB_CLOSE: Final = 0x2000
EXTENDED_LIMIT_INFORMATION: Final = 9
THIS_PROCESS: Final = -1
"""What ``GetCurrentProcess`` returns."""
ENDED: Final = 1
"""The exit code of a process that was ended."""


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


class JobObject:
    """Processes, and what they start, that are ended together.

    Args:
        limits: flags of its BasicLimitInformation.

    Raises:
        OSError: Windows refused to make it.
    """

    def __init__(self, limits: int = KILL_ON_JOB_CLOSE) -> None:
        self._handle = _make_job(limits)

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Put a process into it; what that starts from now on is in it, too.

        Raises:
            OSError: Windows refused that.
        """
        self._add(_handle_of(process))

    def add_this_process(self) -> None:
        """Put this process into it, for as long as it lives, and all that it starts from now on.

        Raises:
            OSError: Windows refused that.
        """
        self._add(ctypes.c_void_p(THIS_PROCESS))

    def _add(self, process: ctypes.c_void_p) -> None:
        if not _kernel32().AssignProcessToJobObject(self._handle, process):
            raise _error()

    def end_none(self) -> None:
        """From now on nothing ends with it."""
        _set_limits(self._handle, 0)

    def end(self) -> None:
        """End all its processes. Any thread may call it, also twice, also after ``close``."""
        if self._handle:
            _kernel32().TerminateJobObject(self._handle, ENDED)

    def close(self) -> None:
        """Let go of it: what still runs is ended."""
        job, self._handle = self._handle, None
        if job:
            _kernel32().CloseHandle(job)


def resume(process: subprocess.Popen[bytes]) -> None:
    """Let a process run that was started suspended.

    ``subprocess`` closes the handle of the first thread, so the whole process is resumed: by the
    call that debuggers and psutil use for that.

    Raises:
        OSError: Windows refused that.
    """
    ntdll = _library("ntdll")
    ntdll.NtResumeProcess.argtypes = (ctypes.c_void_p,)
    if ntdll.NtResumeProcess(_handle_of(process)):
        raise OSError("The command could not be resumed in its job object.")


def _handle_of(process: subprocess.Popen[bytes]) -> ctypes.c_void_p:
    return ctypes.c_void_p(int(getattr(process, "_handle")))  # noqa: B009


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


def _make_job(limits: int) -> Any:
    kernel32 = _kernel32()
    job = kernel32.CreateJobObjectW(None, None)
    if not job:
        raise _error()
    try:
        _set_limits(job, limits)
    except OSError:
        kernel32.CloseHandle(job)
        raise
    return job


def _set_limits(job: Any, flags: int) -> None:
    limits = _ExtendedLimits()
    limits.BasicLimitInformation.LimitFlags = flags
    size = ctypes.sizeof(limits)
    if not _kernel32().SetInformationJobObject(
        job, EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), size
    ):
        raise _error()
