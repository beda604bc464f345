"""The interface of a system that the works use."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.sandbox import Sandbox

SITE = "tests.benchmarks.peers"
RECORD_POLL_SECONDS = 0.02
NUMBERS = "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %s)"
"""For SQLite: a table of so many rows, to copy a row so many times."""


class System:
    """One way to run work in the background, in a small Django project.

    A peer's project is ``startproject``'s: ``settings`` adds to it and ``task`` turns a plain
    function into the peer's own task.
    """

    name = ""
    title = ""
    group = "no server"
    note = ""
    ours = False
    our_python = False
    """Whether it runs in Jobdesk's environment without being Jobdesk."""
    redis = False
    """Whether it needs the Redis server. The next: PostgreSQL."""
    postgres = False
    settings_module = f"{SITE}.settings"
    works = frozenset({"start", "pickup", "burst", "submit", "compute", "crash", "long", "rest"})
    submit_path = "/submit"
    submit_body = ""
    ping_path = "/ping"

    # Called in the project.

    def settings(self, values: dict[str, Any], sandbox: Sandbox) -> None:
        """Change the project's settings."""

    def task(self, function: Callable[..., Any]) -> Any:
        """Return the function as this system's task."""
        return function

    # Called in the process that measures.

    def environment(self, sandbox: Sandbox) -> dict[str, str]:
        """Return environment variables of its processes."""
        return {"DJANGO_SETTINGS_MODULE": self.settings_module}

    def prepare(self, sandbox: Sandbox) -> None:
        """Create its tables; Django is set up already."""
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)

    def workers(self) -> list[list[str]]:
        """Return the command lines that together are two slots in two processes."""
        raise NotImplementedError

    def send(self, task: Any, ident: str, *args: Any) -> None:
        """Submit one job by the system's own task."""
        raise NotImplementedError

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """Submit one job that runs a function of ``task_functions``."""
        from tests.benchmarks.peers import tasks

        self.send(getattr(tasks, kind), ident, *args)

    def enqueue_many(self, kind: str, idents: Sequence[str]) -> None:
        """Submit many jobs by one call."""
        raise NotImplementedError

    def fill(self, rows: int) -> None:
        """Add ``rows`` copies of an existing job, by one statement inside the database."""
        raise NotImplementedError

    def recorded(self) -> int | None:
        """Return the number of recorded results; None where the system records none."""
        return None

    def wait_recorded(self, count: int, timeout: float) -> int | None:
        """Wait until ``count`` results are recorded; return how many are."""
        end = time.monotonic() + timeout
        while True:
            seen = self.recorded()
            if seen is None or seen >= count or time.monotonic() > end:
                return seen
            time.sleep(RECORD_POLL_SECONDS)

    # Over HTTP.

    def web(self, port: int) -> list[str]:
        """Return the command line of a web server with a view that submits a job."""
        return [
            *program("gunicorn"),
            *f"--workers 1 --threads 4 --bind 127.0.0.1:{port} --log-level error".split(),
            f"{SITE}.wsgi:application",
        ]

    def headers(self) -> dict[str, str]:
        """Return the headers of a submitting client."""
        return {"Content-Type": "application/json"}


def program(name: str) -> list[str]:
    """Return a program of the current Python environment."""
    return [str(Path(sys.executable).parent / name)]


def manage(*arguments: str) -> list[str]:
    """Return a management command of the other systems' project."""
    return [sys.executable, "-m", "django", *arguments]
