"""A command and its descendants on POSIX systems, held together by a guard (``posix_guard``)."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final, cast

GUARD: Final = Path(__file__).with_name("posix_guard.py")
CLOSE_SECONDS: Final = 5.0
DIED: Final = -9
"""The exit code of a command whose guard was killed."""


class PosixTree:
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
        self._control, theirs = socket.socketpair()
        self._received = b""
        try:
            with theirs:
                self._guard = _start_guard(theirs.fileno(), args, cwd, env, takes_input=takes_input)
        except BaseException:
            self._control.close()
            raise
        self._pid = 0
        word, number = self._receive(None) or ("error", errno.ECHILD)
        if word == "error":
            self.close()
            raise OSError(number, os.strerror(number), args[0])
        self._pid = number

    @property
    def stdout(self) -> IO[bytes]:
        """What the command and its descendants write."""
        return cast("IO[bytes]", self._guard.stdout)

    @property
    def stdin(self) -> IO[bytes] | None:
        """The command's input."""
        return self._guard.stdin

    def wait(self, timeout: float | None) -> int | None:
        """Wait for the end of all; return the exit code, None when that took longer."""
        message = self._receive(timeout)
        if message is None and self._guard.poll() is None:
            return None
        if message is None:
            self._kill_group()
            return DIED
        return message[1]

    def end(self) -> None:
        """End the command and its descendants soon. Any thread may call it, also twice."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Let go of it: what still runs is ended."""
        self._control.close()
        for stream in (self._guard.stdin, self._guard.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not sent yet cannot be delivered
                    stream.close()
        try:
            self._guard.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            # It waits for a process that the kernel does not let go of, such as one that reads from
            # a file system that is away. Whoever reaps that one later, our thread goes on.
            self._guard.kill()
            self._guard.wait()
            self._kill_group()

    def _kill_group(self) -> None:
        """End the command without its guard, which was killed."""
        if not self._pid:  # it never started; 0 would be our own group
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)

    def _receive(self, timeout: float | None) -> tuple[str, int] | None:
        """Return the guard's next message; None when it took longer, or when the guard died."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._received:
            left = None if deadline is None else max(0.001, deadline - time.monotonic())
            self._control.settimeout(left)
            try:
                data = self._control.recv(1024)
            except TimeoutError:
                return None
            except OSError:
                data = b""
            if not data:
                self._guard.wait()
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        word, number = line.decode().split()
        return word, int(number)


def _start_guard(
    control: int,
    args: Sequence[str],
    cwd: str | os.PathLike[str] | None,
    env: Mapping[str, str] | None,
    *,
    takes_input: bool,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(GUARD), str(control), *args],
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE if takes_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[control],
        # Neither a terminal's Ctrl-C nor what kills our own process group reaches it: it notices
        # that we are gone, and then ends the command in order.
        start_new_session=True,
    )
