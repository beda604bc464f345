"""Programs that a test starts, stops and starts again; what they print goes into files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.consumers import Consumers
from tests.opened import open_url
from tests.ports import free_port
from tests.subprocesses import ROOT
from tests.waiting import wait_until


class Program:
    """A program that is started with the same command each time, and goes on in the same files.

    Args:
        command: its words.
        env: its environment.
        out: the file that its standard output is put at the end of; its standard error goes beside
            it.
    """

    def __init__(self, command: list[str], env: Mapping[str, str], out: Path) -> None:
        self.command = command
        self.out = out
        self.err = out.with_suffix(".err")
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        for file in (self.out, self.err):
            file.touch()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None
        return self._process

    def start(self, *more: str) -> None:
        """Start it, with some words more."""
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self._process = subprocess.Popen(
                [sys.executable, *self.command, *more],
                env=dict(self._env),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=os.name != "nt",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )

    def interrupt(self) -> int:
        """Press Ctrl-C, or what a process alone can be sent; return the exit code."""
        name = "CTRL_BREAK_EVENT" if os.name == "nt" else "SIGINT"
        self.process.send_signal(getattr(signal, name))
        return self.process.wait(60)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(30)

    def wait(self, timeout: float) -> int:
        """Wait for its end; return the exit code."""
        return self.process.wait(timeout)

    def text(self) -> str:
        """What it has written to its standard output."""
        return self.out.read_text("utf-8")

    def errors(self) -> str:
        """What it has written to its standard error."""
        return self.err.read_text("utf-8")


class SiteProgram(Program):
    """``manage.py up`` without consumers, on the database of a test, always on one port."""

    def __init__(self, consumers: Consumers, folder: Path, **settings: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        super().__init__(
            ["manage.py", "up", "--processes", "0", "--port", str(port)],
            consumers.environment(**settings),
            folder / "site.out",
        )

    def start(self, *more: str) -> None:
        """Start it, and wait until it answers."""
        super().start(*more)
        wait_until(self._answers, what="the site answers")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.errors()
        try:
            with open_url(f"{self.url}/healthz") as answer:
                return answer.status == 200
        except OSError:
            return False
