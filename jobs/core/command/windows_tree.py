"""A command and its descendants on Windows, held together by a job object."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO, Final, cast

from .job_object import JobObject, resume

CREATE_SUSPENDED: Final = 0x4
CREATE_NO_WINDOW: Final = 0x08000000


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
        self._job = JobObject()
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
            self._job.close()
            raise
        try:
            self._job.add(self._process)
            resume(self._process)
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
        self._job.end()

    def close(self) -> None:
        """Let go of it: what still runs is ended."""
        self._job.close()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):  # what was not sent yet cannot be delivered
                    stream.close()
        self._process.wait()
