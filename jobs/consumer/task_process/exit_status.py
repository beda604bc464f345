"""How a child process ended. We reap it ourselves, which is the only way to learn its memory."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading


class ExitStatus:
    """The exit status of one child process, once it has ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lock = threading.Lock()
        self._peak_memory = 0  # bytes

    def has_ended(self) -> bool:
        """Whether the process has ended."""
        with self._lock:
            return self._reap(wait=False) is not None

    def kill(self) -> None:
        """End the process, and all that is left of its group."""
        with self._lock:
            if self._reap(wait=False) is None:
                self._process.kill()
            self._reap(wait=True)

    def describe(self) -> str:
        """Wait for the end; return how it ended: "signal 9, 3.1 GB"."""
        with self._lock:
            code = self._reap(wait=True) or 0
        how = describe_exit_code(code)
        return f"{how}, {self._peak_memory / 1e9:.1f} GB" if self._peak_memory >= 5e7 else how

    def _reap(self, *, wait: bool) -> int | None:
        """Return the exit code, None while it lives. wait4 tells the child's own peak memory."""
        process = self._process
        if process.returncode is not None:
            return process.returncode
        if not hasattr(os, "wait4"):
            return process.wait() if wait else process.poll()
        look = os.WEXITED | os.WNOWAIT | (0 if wait else os.WNOHANG)
        if os.waitid(os.P_PID, process.pid, look) is not None:
            # Before it is reaped: afterwards the number may be another's.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self._peak_memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return process.returncode


def describe_exit_code(code: int) -> str:
    """Return "signal 9" for what ``subprocess`` returns as -9, else "exit code 1"."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"
