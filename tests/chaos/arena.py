"""A site for a test of chaos: its database and processes, and the records that they leave."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from jobs.core.states import FINAL
from tests.brokers.emptying import apart, delete_channel
from tests.brokers.servers import SERVERS, Setup
from tests.chaos.checker import Answer, Records, Violation, check
from tests.chaos.collect import attempts_of, changes_of, effects_of, jobs_of
from tests.chaos.databases import Database, database_for
from tests.consumers import ROOT, ConsumerHandle
from tests.freezing import freeze
from tests.living import assert_none_is_left
from tests.waiting import wait_until

LEASE = 3
ON_SQLITE = Setup("sqlite")


def has_servers() -> bool:
    """Whether the caller has started servers: the tests of chaos then take longer."""
    return any(os.environ.get(f"JOBS_TEST_{name.upper()}") for name in SERVERS)


class Arena:
    """Starts and kills the site's processes, sends requests, collects records."""

    prefix = ""
    """The path that the site is served below."""
    host = "127.0.0.1"
    """The name of the site, in the requests."""

    def __init__(
        self,
        folder: Path,
        setup: Setup = ON_SQLITE,
        *,
        broker: str = "",
        database: Database | None = None,
        token: str = "",
    ) -> None:
        """``token`` belongs to the user of a ``database`` that is prepared already."""
        self.folder = folder
        self.setup = setup
        self.queue = f"chaos-{uuid.uuid4().hex[:12]}"
        self.broker = broker or apart(setup.broker_url())
        self.database = database or database_for(setup, folder)
        self.ledger = folder / "ledger"
        self.accepted: dict[str, str] = {}
        self.asked: set[str] = set()
        self.retries: Counter[str] = Counter()
        self.cancels: set[str] = set()
        self.answers: list[Answer] = []
        self.consumers: list[ConsumerHandle] = []
        self._web: subprocess.Popen[bytes] | None = None
        self.token = token or self._prepare()

    def _prepare(self) -> str:
        program = [*self.launcher("web"), sys.executable, "-m", "tests.chaos.prepare"]
        return subprocess.check_output(program, env=self.environment(), text=True).strip()

    # Where its processes run: all on this machine.

    def launcher(self, host: str) -> list[str]:
        """Return the beginning of a command that starts a program on a host."""
        return []

    def listen(self) -> socket.socket:
        """Return the listening socket of the web process, which outlives it."""
        return socket.create_server(("127.0.0.1", 0), backlog=256)

    @cached_property
    def _socket(self) -> socket.socket:
        made = self.listen()
        made.set_inheritable(True)
        return made

    def connect(self, timeout: float) -> socket.socket:
        """Connect to the web process."""
        return socket.create_connection(self._socket.getsockname(), timeout)

    # Processes.

    def environment(self, host: str = "here", **extra: str) -> dict[str, str]:
        """Return the environment of its processes. Another ``host`` has another data folder, where
        a file lock proves nothing."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "DATABASE_URL": self.database.url,
            "JOBS_BROKER_URL": self.broker,
            "JOBS_TEST_DATA_DIR": str(self.folder / host),
            "JOBS_LEASE_SECONDS": str(LEASE),
            "JOBS_SWEEP_SECONDS": "1",
            "JOBS_GRACE_SECONDS": "2",
            "CHAOS_LEDGER": str(self.ledger),
            "CHAOS_QUEUE": self.queue,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **extra,
        }

    def consume(
        self,
        *options: str,
        host: str = "here",
        ready: int = 1,
        before: tuple[str, ...] = (),
        code: Path = ROOT,
        **extra: str,
    ) -> ConsumerHandle:
        """Start a consumer of the code in ``code``; ``before`` is a program that starts it."""
        command = [sys.executable, str(code / "manage.py"), "runconsumers", "--queues", self.queue]
        process = subprocess.Popen(
            [*self.launcher(host), *before, *command, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=self.environment(host, **{"PYTHONPATH": str(code)} | extra),
            cwd=code,
            start_new_session=True,
        )
        handle = ConsumerHandle(process)
        self.consumers.append(handle)
        return handle.wait_ready(ready) if ready else handle

    def freeze(self, consumer: ConsumerHandle) -> None:
        """Freeze a consumer, but not in the middle of a write: that would block SQLite."""
        freeze(consumer.pid, self.database.is_free)

    def serve(self, *, code: Path = ROOT, **extra: str) -> subprocess.Popen[bytes]:
        """Start the web process, instead of the one before, on the same socket."""
        self.stop_serving()
        number = self._socket.fileno()
        command = [*self.launcher("web"), sys.executable, "-m", "tests.chaos.serve", str(number)]
        self._web = subprocess.Popen(
            command,
            env=self.environment(**{"PYTHONPATH": str(code)} | extra),
            cwd=code,
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self._web

    def stop_serving(self) -> None:
        """Kill the web process, if there is one."""
        if self._web is not None:
            self._web.kill()
            self._web.wait(10)

    def delete_messages(self) -> None:
        """Delete this arena's stream or topic with all messages."""
        delete_channel(self.broker, self.queue)

    def close(self) -> None:
        """End all processes and drop the database."""
        self.stop_serving()
        for consumer in self.consumers:
            if consumer.process.poll() is None:
                consumer.signal(signal.SIGCONT)
            consumer.close()
        if "_socket" in vars(self):
            self._socket.close()
        self.delete_messages()
        self.database.close()
        assert_none_is_left("CHAOS_LEDGER", str(self.ledger))

    # The client.

    def post(self, path: str, body: Any = None, key: str = "", timeout: float = 10.0) -> Any:
        """Send a POST; return (status, JSON). Raises OSError without a response."""
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        status, content = self.ask("POST", path, json.dumps(body or {}).encode(), headers, timeout)
        return status, json.loads(content or b"null")

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> tuple[int, bytes]:
        """Send one request to the API; return status and body, and keep how it was answered."""
        client = http.client.HTTPConnection(self.host, timeout=timeout)
        credential = {"Authorization": f"Bearer {self.token}"}
        target = f"{self.prefix}/api/v1/{path}"
        answer = Answer(method, path)
        try:
            client.sock = self.connect(timeout)
            client.request(method, target, body, credential | dict(headers or {}))
            response = client.getresponse()
            content = response.read()
            answer = Answer(method, path, response.status, response.headers.get("Retry-After", ""))
            return response.status, content
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            client.close()
            self.answers.append(answer)

    def submit_once(self, task: str, key: str, timeout: float = 10.0, **args: Any) -> Any:
        """Submit a job by one request; return (status, JSON), without adding it to ``accepted``."""
        self.asked.add(key)
        body = {"task": f"chaos.{task}", "args": args, "queue": self.queue}
        return self.post("jobs", body, key, timeout)

    def submit(self, task: str, *, stop: threading.Event | None = None, **args: Any) -> str:
        """Submit a job as a careful client does: with one key, until there is a response."""
        key = uuid.uuid4().hex
        stop = stop or threading.Event()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not stop.is_set():
            try:
                status, job = self.submit_once(task, key, **args)
            except OSError:
                status, job = 0, {}
            if status in {200, 202}:
                self.accepted[key] = job["id"].replace("-", "")
                return str(job["id"])
            if status not in {0, 429, 503}:
                raise AssertionError((status, job))
            stop.wait(0.1)
        return ""

    # The records.

    def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """Query the database."""
        return self.database.rows(statement, *parameters)

    def job(self, job_id: str) -> Any:
        """Return (status, attempt) of a job."""
        return self.rows(
            "SELECT status, attempt FROM jobs_job WHERE id = ?", job_id.replace("-", "")
        )[0]

    def wait_job(self, job_id: str, *wanted: Any, timeout: float = 60) -> Any:
        """Wait until a job has one of these (status, attempt) or statuses."""

        def look() -> Any:
            job = self.job(job_id)
            return job if job in wanted or job[0] in wanted else None

        return wait_until(look, timeout=timeout, what=f"{wanted}")

    def wait_heartbeats(self, count: int) -> None:
        """Wait for ``count`` more heartbeats of each living consumer: ten are a lease."""
        before = self._heartbeats()
        wait_until(
            lambda: all(
                number >= before.get(one, 0) + count for one, number in self._heartbeats().items()
            ),
            timeout=120,
            what=f"{count} heartbeats",
        )

    def wait_seconds(self, seconds: float) -> None:
        """Wait, where no event tells that the time has passed."""
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, timeout=10 * seconds)

    def _heartbeats(self) -> dict[str, int]:
        rows = self.rows("SELECT id, heartbeat FROM jobs_consumer WHERE dead_at IS NULL")
        return {one: number for one, number in rows if self._lives(one)}

    def unfinished(self) -> int:
        """Return the number of unfinished jobs."""
        marks = ", ".join("?" * len(FINAL))
        statement = f"SELECT COUNT(*) FROM jobs_job WHERE status NOT IN ({marks})"
        return int(self.rows(statement, *FINAL)[0][0])

    def records(self) -> Records:
        """Collect the records for the checker."""
        return Records(
            accepted=dict(self.accepted),
            asked=set(self.asked),
            retries=Counter(self.retries),
            answers=list(self.answers),
            jobs=jobs_of(self.database),
            attempts=attempts_of(self.database),
            changes=changes_of(self.database),
            ledger=effects_of(self.ledger),
            living={
                row[0] for row in self.rows("SELECT id FROM jobs_consumer") if self._lives(*row)
            },
        )

    def violations(self) -> list[Violation]:
        """Return what the checker finds, and the database in its own files."""
        broken = [Violation("broken", "", text) for text in self.database.integrity_errors()]
        return check(self.records()) + broken

    def _lives(self, consumer: str) -> bool:
        pids = {handle.pid for handle in self.consumers if handle.process.poll() is None}
        return self.rows("SELECT pid FROM jobs_consumer WHERE id = ?", consumer)[0][0] in pids
