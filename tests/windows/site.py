"""A site in a Python for Windows: ``up``, what it is asked, what is in its folder."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jobs.core.states import FINAL
from tests.subprocesses import RunningProcess
from tests.waiting import wait_until
from tests.windows.python import START_SECONDS, Agent, WindowsPython, path_there

OPEN = r"^Open (http://\S+)/sign-in/\?token=(\S+)$"
SETTINGS = "tests.windows.settings"
CONSUMERS = "SELECT pid FROM jobs_consumer WHERE dead_at IS NULL"


class WindowsSite:
    """Starts ``up`` when it is first asked for something.

    Attributes:
        data: its data folder.
        ledger: the folder in which its tasks note what they do.
    """

    def __init__(self, windows: WindowsPython, agent: Agent, data: Path) -> None:
        self.windows = windows
        self.agent = agent
        self.data = data
        self.ledger = data.parent / "ledger"
        self.ledger.mkdir(parents=True)
        self.up = self.start()
        self.token = ""

    def wait_ready(self) -> None:
        """Wait until it is usable, and make a token for the API."""
        self.link = self.up.wait_for(OPEN, timeout=START_SECONDS)
        if not self.token:
            code, said = self.manage("createtoken", "admin")
            assert code == 0, said
            self.token = said.strip()

    @property
    def pid(self) -> int:
        """The process of ``up``, as Windows numbers it."""
        parents = self.agent.call("processes")
        return int(parents[str(next(iter(self.consumer_pids())))])

    @property
    def base(self) -> str:
        """The site's address."""
        return str(self.link[1])

    def start(self, *arguments: str, **more: str) -> RunningProcess:
        """Start an ``up`` on this folder."""
        return self.windows.start(
            *("manage.py", "up", "--port", "0", *arguments),
            data=self.data,
            variables=self._variables(more),
        )

    def manage(self, *arguments: str, encoding: str = "utf-8", **more: str) -> tuple[int, str]:
        """Run a command on this folder; return its exit code and output."""
        return self._run(("manage.py", *arguments), encoding, self.data, more)

    def manage_all(
        self,
        *commands: Sequence[str],
        encoding: str = "utf-8",
        data: Path | None = None,
        **more: str,
    ) -> list[tuple[int, str]]:
        """Run commands in one process; return the exit code and output of each."""
        module = ("-m", "tests.windows.commands", json.dumps(commands))
        code, said = self._run(module, encoding, data or self.data, more)
        found = re.findall(r"(.*?)^exit (\d+)$\n?", said, flags=re.DOTALL | re.MULTILINE)
        assert (code, len(found)) == (0, len(commands)), said
        return [(int(code), text) for text, code in found]

    def _run(
        self, arguments: Sequence[str], encoding: str, data: Path, more: dict[str, str]
    ) -> tuple[int, str]:
        variables = self._variables(more)
        return self.windows.run(*arguments, data=data, variables=variables, encoding=encoding)

    def _variables(self, more: dict[str, str]) -> dict[str, str]:
        return {
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "WINDOWS_LEDGER": path_there(self.ledger),
            "JOBS_SWEEP_SECONDS": "1",
            "JOBS_GRACE_SECONDS": "5",
        } | more

    def ensure_running(self) -> None:
        """Start ``up`` if it has ended."""
        if self.up.process.poll() is not None:
            self.start_again()

    def start_again(self) -> None:
        """Start ``up`` after its end."""
        self.up.end()
        self.up = self.start()
        self.wait_ready()

    def interrupt(self, up: RunningProcess) -> int:
        """Press Ctrl-C; return the exit code."""
        up.interrupt()
        up.wait_for("^Stopping", timeout=START_SECONDS)
        return up.wait(START_SECONDS)

    def close(self) -> None:
        """End it."""
        self.up.end()

    def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        """Send a request to the API; return the status, the document and the headers.

        Args:
            body: bytes, or what becomes JSON.
        """
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(urlsplit(self.base).netloc, timeout=120)
        try:
            sent = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
            sent |= {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, f"/api/v1/{path}", content, sent)
            with connection.getresponse() as response:
                read = response.read()
                is_json = "json" in (response.headers["Content-Type"] or "")
                return response.status, json.loads(read) if is_json else read, response.headers
        finally:
            connection.close()

    def submit(self, task: str, **args: Any) -> str:
        """Submit a job; return its id."""
        status, job, _ = self.call("POST", "jobs", {"task": f"windows.{task}", "args": args})
        assert status == 202, job
        return str(job["id"])

    def job(self, job: str) -> dict[str, Any]:
        """Return a job."""
        status, found, _ = self.call("GET", f"jobs/{job}")
        assert status == 200, found
        return dict(found)

    def wait_for(self, job: str, *statuses: str) -> dict[str, Any]:
        """Wait until a job has ended, or has one of these statuses; return it."""

        def look() -> dict[str, Any] | None:
            found = self.job(job)
            return found if found["status"] in (statuses or FINAL) else None

        return wait_until(look, timeout=START_SECONDS, interval=0.1, what=f"the end of {job}")

    def sql(self, statement: str, *parameters: Any) -> list[list[Any]]:
        """Run a statement on the database, in Windows: who locks a file there is not seen here."""
        rows: list[list[Any]] = self.agent.call(
            "sql", self.data / "db.sqlite3", statement, parameters
        )
        return rows

    def consumer_pids(self) -> set[int]:
        """Return the processes of the living consumers, as Windows numbers them."""
        return {pid for (pid,) in self.sql(CONSUMERS)}

    def effects(self, job: str) -> list[tuple[int, str]]:
        """Return what a job's task has done: the attempts and the effects, sorted."""
        found = [path.name.removeprefix(f"{job}-") for path in self.ledger.glob(f"{job}-*")]
        return sorted((int(name.split("-")[0]), name.split("-")[1]) for name in found)

    def wait_for_effect(self, job: str, attempt: int, what: str) -> None:
        """Wait until an attempt has done something."""
        wait_until(
            lambda: (attempt, what) in self.effects(job),
            timeout=START_SECONDS,
            what=f"{what} of {attempt}",
        )
