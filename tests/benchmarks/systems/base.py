"""What the works ask of a system."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks import work
from tests.benchmarks.place import Place

SITE = "tests.benchmarks.peers"
RECORD_LOOK_SECONDS = 0.02
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
    """Whether it runs in Jobdesk's own environment though it is none of ours."""
    redis = False
    """Whether it needs the Redis server; likewise the next."""
    postgres = False
    settings_module = f"{SITE}.settings"
    works = frozenset({"start", "pickup", "burst", "submit", "compute", "crash", "long", "rest"})
    submit_path = "/submit"
    submit_body = ""
    ping_path = "/ping"

    # In the project.

    def settings(self, values: dict[str, Any], place: Place) -> None:
        """Change the project's settings."""

    def task(self, function: Callable[..., Any]) -> Any:
        """Return the function as this system's task."""
        return function

    # In the process that measures.

    def environment(self, place: Place) -> dict[str, str]:
        """What its processes see besides."""
        return {"DJANGO_SETTINGS_MODULE": self.settings_module}

    def prepare(self, place: Place) -> None:
        """Make its tables; Django is set up."""
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)

    def workers(self) -> list[list[str]]:
        """The command lines that together are two slots in two processes."""
        raise NotImplementedError

    def send(self, task: Any, ident: str, *args: Any) -> None:
        """Hand in one job."""
        raise NotImplementedError

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """Hand in one job of ``work``."""
        from tests.benchmarks.peers import tasks

        self.send(getattr(tasks, kind), ident, *args)

    def enqueue_many(self, kind: str, idents: Sequence[str]) -> None:
        """Hand in many jobs by one call."""
        raise NotImplementedError

    def fill(self, rows: int) -> None:
        """Make so many copies of a job that there is, by one statement inside the database."""
        raise NotImplementedError

    def recorded(self) -> int | None:
        """How many results are recorded; None where none are."""
        return None

    def wait_recorded(self, count: int, timeout: float) -> int | None:
        """Wait until so many results are recorded; return how many are."""
        end = time.monotonic() + timeout
        while True:
            seen = self.recorded()
            if seen is None or seen >= count or time.monotonic() > end:
                return seen
            time.sleep(RECORD_LOOK_SECONDS)

    # Over HTTP.

    def web(self, port: int) -> list[str]:
        """The command line of a web server with a view that hands in a job."""
        return [
            *program("gunicorn"),
            *f"--workers 1 --threads 4 --bind 127.0.0.1:{port} --log-level error".split(),
            f"{SITE}.wsgi:application",
        ]

    def headers(self) -> dict[str, str]:
        """What a submitting client sends."""
        return {"Content-Type": "application/json"}


def program(name: str) -> list[str]:
    """A program of the environment that runs this."""
    return [str(Path(sys.executable).parent / name)]


def manage(*arguments: str) -> list[str]:
    """A management command of the peers' project."""
    return [sys.executable, "-m", "django", *arguments]


def functions() -> dict[str, Callable[..., Any]]:
    """The work by its names."""
    return {"noop": work.noop, "fib": work.fib, "nap": work.nap}
