"""Real consumer processes for tests: started, read, stopped, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO
from urllib.parse import quote

from django.db import connection

from jobs.core.states import FINAL
from jobs.models import Job
from tests.living import assert_none_is_left
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent


class ConsumerHandle:
    """One ``runconsumers`` and its output: ``log`` has its log, ``stdout`` the rest."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[str] = []
        self.stdout: list[str] = []
        self._readers = [
            threading.Thread(target=_read, args=(stream, lines), daemon=True)
            for stream, lines in ((process.stderr, self.log), (process.stdout, self.stdout))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def wait_ready(self, count: int = 1) -> ConsumerHandle:
        """Wait until ``count`` processes have logged that they are ready."""
        wait_until(
            lambda: (
                sum("ready" in line for line in self.log) >= count
                or self.process.poll() is not None
            ),
            what="a consumer to be ready",
        )
        assert self.process.poll() is None, "".join(self.log)
        return self

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def wait(self, timeout: float = 30) -> int:
        """Wait for its end; return the exit code."""
        return self.process.wait(timeout)

    def stop(self) -> int:
        """Drain it; return the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        """Kill it if it runs, read its output to the end and close its pipes."""
        if self.process.poll() is None:
            self.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()
        # Its children hold the other ends of the pipes until they notice.
        for reader in self._readers:
            reader.join(10)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(10)


def _read(stream: IO[str] | None, lines: list[str]) -> None:
    if stream is not None:
        with stream:
            for line in stream:
                # One by one: a test reads them while the process runs.
                lines.append(line)  # noqa: PERF402


class Consumers:
    """Starts consumers on the database of this test."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self._environment = environment
        self._started: list[ConsumerHandle] = []

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of a child process that shares this test's database."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
            "JOBS_TEST_DATA_DIR": str(self.folder / "var"),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **self._environment,
            **extra,
        }

    def start(
        self, *options: str, pipe: bool = False, ready: int = 1, **environment: str
    ) -> ConsumerHandle:
        """Start one and wait until it is ready."""
        handle = self.launch(*options, pipe=pipe, cwd=None, **environment)
        return handle.wait_ready(ready)

    def launch(
        self, *options: str, pipe: bool = False, cwd: Path | None = None, **environment: str
    ) -> ConsumerHandle:
        """Start one without waiting."""
        arguments = ["runconsumers", *options, *(["--parent-pipe"] if pipe else [])]
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            stdin=subprocess.PIPE if pipe else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=self.environment(**environment),
            cwd=cwd or ROOT,
            start_new_session=True,
        )
        handle = ConsumerHandle(process)
        self._started.append(handle)
        return handle

    def run_until_idle(self, *options: str, **environment: str) -> ConsumerHandle:
        """Run one until nothing is due; it must exit with 0."""
        handle = self.launch("--until-idle", *options, pipe=False, cwd=None, **environment)
        assert handle.wait(60) == 0, "".join(handle.log)
        return handle

    def stop_all(self) -> None:
        """Drain those that still run."""
        living = [handle for handle in self._started if handle.process.poll() is None]
        for handle in living:
            handle.signal(signal.SIGTERM)
        for handle in living:
            handle.wait()

    def end_all(self) -> None:
        """Kill those that a test has left; however one ended, no interpreter may have aborted."""
        for handle in self._started:
            handle.close()
        lines = [line for handle in self._started for line in (*handle.log, *handle.stdout)]
        assert [line for line in lines if "Fatal Python error" in line] == []
        # Nor may a child of a task live on, whatever the test has done to its consumer.
        assert_none_is_left("JOBS_TEST_DATA_DIR", str(self.folder / "var"))


def database_url() -> str:
    """Return the URL of the database that this test uses."""
    config = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{config['NAME']}"
    host = f"{config['HOST']}:{config['PORT'] or 5432}"
    user = ":".join(quote(config[key], safe="") for key in ("USER", "PASSWORD") if config[key])
    return f"postgres://{user}@{host}/{config['NAME']}"


def stored(result_id: str) -> Job:
    """Return the job as it is in the database now."""
    return Job.objects.get(pk=result_id)


def wait_status(result_id: str, *statuses: str, timeout: float = 30) -> Job:
    """Wait until a job has one of the statuses."""
    return wait_until(
        lambda: Job.objects.filter(pk=result_id, status__in=statuses).first(),
        timeout=timeout,
        what=f"{statuses}",
    )


def wait_finished(result_id: str, timeout: float = 30) -> Job:
    """Wait until a job has finished."""
    return wait_status(result_id, *FINAL, timeout=timeout)


def log_of(job: Job) -> str:
    """Return the whole log of a job."""
    return "".join(chunk.text for chunk in job.log_chunks.all())
