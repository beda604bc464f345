"""One consumer process of a supervisor, and the processes that replace it."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from jobs.consumer.task_process.exit_status import describe_exit_code
from jobs.core.shortages import shortage

from .restart_policy import (
    DRAINED,
    QUICK_SECONDS,
    REPLACE,
    STOPPED,
    is_worth_a_restart,
    pause_after,
)

logger = logging.getLogger("jobs")

READER_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessOptions:
    """How a supervisor's processes are started, and when they are replaced.

    Attributes:
        command: a ``runconsumers --parent-pipe``.
        environment: for the process; None: ours.
        on_output: called with each line that it writes, without the line's end, from a thread;
            None: it writes where we do, and is in our process group.
        restart: called when a process died as soon as it started, with how often that has happened
            in a row; returns whether to start another.
        until_idle: a process that ends well is not replaced.
        health_files: of each process, the file that its heartbeats touch; none when nobody asks.
    """

    command: Sequence[str]
    environment: Mapping[str, str] | None = None
    on_output: Callable[[str], None] | None = None
    restart: Callable[[int], bool] = is_worth_a_restart
    until_idle: bool = False
    health_files: Sequence[Path] = ()

    def command_of(self, number: int) -> list[str]:
        """Return the command of a process, by its number from 1."""
        files = self.health_files[number - 1 : number]
        return [*self.command, *(f"--health-file={file}" for file in files)]


class SupervisedProcess:
    """Starts a consumer process (spawned, never forked) and replaces it when it dies.

    Attributes:
        finished: whether it has ended for good.
        cannot_start: whether the system has refused it too often. It is tried again all the same:
            others may run.
    """

    def __init__(self, options: ProcessOptions, number: int, *, alone: bool) -> None:
        self.finished = False
        self.cannot_start = False
        self._options = options
        self._number = number
        self._alone = alone
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._quick_deaths = 0
        self._failed_starts = 0

    def __str__(self) -> str:
        return "The consumer process" if self._alone else f"Consumer process {self._number}"

    def tend(self) -> bool:
        """Start or replace the process if that is due; False when another start is no use."""
        if self.finished:
            return True
        if self._process is None:
            if time.monotonic() >= self._start_at:
                self._try_start()
            return True
        code = self._process.poll()
        return True if code is None else self._ended(code)

    def _try_start(self) -> None:
        try:
            self._start()
        except (OSError, RuntimeError, MemoryError) as error:
            self.kill()
            self._failed_starts += 1
            self._start_at = time.monotonic() + pause_after(self._failed_starts)
            if self._failed_starts == 1:
                why = shortage(error) or str(error)
                logger.error("%s cannot be started: %s. Trying again.", self._name, why)
            self.cannot_start = not self._options.restart(self._failed_starts)
            return
        if self._failed_starts:
            logger.warning("%s started again.", self._name)
        self._failed_starts = 0
        self.cannot_start = False

    @property
    def _name(self) -> str:
        return "The consumers" if self._alone else f"Consumer process {self._number}"

    def _start(self) -> None:
        options, output = self._options, self._options.on_output
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            options.command_of(self._number),
            stdin=subprocess.PIPE,
            env=None if options.environment is None else dict(options.environment),
            **_output_options() if output else {},
        )
        if output is not None and self._process.stdout is not None:
            arguments = (self._process.stdout, output)
            reader = threading.Thread(
                target=_forward, args=arguments, name="consumer-output", daemon=True
            )
            reader.start()
            self._reader = reader

    def _ended(self, code: int) -> bool:
        self._forget()
        if code == STOPPED:
            logger.warning("%s was stopped on request: no other starts in its place.", self)
        if code == STOPPED or (code == DRAINED and self._options.until_idle):
            self.finished = True
            return True
        if code == REPLACE:
            logger.warning("A task's thread could not be stopped: its process is replaced.")
            self._start_at = 0.0
            return True
        quick = time.monotonic() - self._started_at < QUICK_SECONDS
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        if quick and not self._options.restart(self._quick_deaths):
            return False
        pause = pause_after(self._quick_deaths) if quick else 0.0
        self._start_at = time.monotonic() + pause
        self._log_end(describe_exit_code(code), pause)
        return True

    def _log_end(self, how: str, pause: float) -> None:
        if self._alone:
            logger.warning("The consumers ended (%s). They start again in %g s.", how, pause)
        else:
            logger.warning(
                "Consumer process %d ended (%s); another starts in %.2g s.",
                self._number,
                how,
                pause,
            )

    def drain(self) -> None:
        """Ask the process to take nothing new and to finish what it runs."""
        self.finished = self._process is None
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError, ValueError):  # it may be gone, and its pipe closed
                self._process.stdin.write(b"drain\n")
                self._process.stdin.flush()

    def has_ended(self) -> bool:
        """Whether no process runs here."""
        return self._process is None or self._process.poll() is not None

    def close_pipe(self) -> None:
        """End the process's pipe: if it still lives, it leaves at once."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def kill(self) -> None:
        """End the process if it still lives, and let go of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _forget(self) -> None:
        self.close_pipe()
        if self._reader is not None:
            # Not for long: a process that a task started may hold the other end open.
            self._reader.join(READER_SECONDS)
        self._process = self._reader = None


def _output_options() -> dict[str, Any]:
    # A process group of its own: Ctrl-C reaches the parent alone, which then asks for a drain.
    group = (
        {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        if os.name == "nt"
        else {"process_group": 0}
    )
    return {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **group}


def _forward(output: IO[bytes], on_output: Callable[[str], None]) -> None:
    with suppress(OSError, ValueError), output:
        for line in output:
            on_output(line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
