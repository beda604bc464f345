"""A site of its own for the chaos: database, web process, consumers, ledger, and what they left."""

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
from pathlib import Path
from typing import Any

from jobs.core.states import FINAL
from tests.brokers.emptying import delete_channel
from tests.brokers.servers import SERVERS, Setup
from tests.chaos.checker import Complaint, World, check
from tests.chaos.collect import attempts_of, changes_of, effects_of, jobs_of
from tests.chaos.databases import Database, database_for
from tests.running import ROOT, ConsumerHandle
from tests.waiting import wait_until

LEASE = 3
ON_SQLITE = Setup("sqlite")


def has_servers() -> bool:
    """Whether the caller has started servers: tests of chaos then take their time."""
    return any(os.environ.get(f"JOBS_TEST_{name.upper()}") for name in SERVERS)


class Arena:
    """Starts, kills, asks and collects."""

    def __init__(
        self,
        folder: Path,
        setup: Setup = ON_SQLITE,
        *,
        broker: str = "",
        database: Database | None = None,
        token: str = "",
    ) -> None:
        """``token`` is the user's of a ``database`` that is prepared already."""
        self.folder = folder
        self.setup = setup
        self.queue = f"chaos-{uuid.uuid4().hex[:12]}"
        self.broker = broker or setup.broker_url()
        self.database = database or database_for(setup, folder)
        self.ledger = folder / "ledger"
        self.accepted: dict[str, str] = {}
        self.asked: set[str] = set()
        self.retries: Counter[str] = Counter()
        self.consumers: list[ConsumerHandle] = []
        self._socket = self.listen()
        self._socket.set_inheritable(True)
        self._web: subprocess.Popen[bytes] | None = None
        self.token = token or self._prepare()

    def _prepare(self) -> str:
        program = [*self.inside("web"), sys.executable, "-m", "tests.chaos.prepare"]
        return subprocess.check_output(program, env=self.environment(), text=True).strip()

    # Where it is: all on this machine.

    def inside(self, host: str) -> list[str]:
        """What starts a program on a host."""
        return []

    def listen(self) -> socket.socket:
        """The socket of the web process, which outlives it."""
        return socket.create_server(("127.0.0.1", 0), backlog=256)

    def dial(self, timeout: float) -> socket.socket:
        """Call the web process."""
        return socket.create_connection(self._socket.getsockname(), timeout)

    # Processes.

    def environment(self, host: str = "here", **extra: str) -> dict[str, str]:
        """What its processes see. Another ``host`` has another data folder: there a file lock
        proves nothing."""
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
        """Start a consumer; ``before`` is a program that starts it, ``code`` where its code is."""
        command = [sys.executable, str(code / "manage.py"), "runconsumers", "--queues", self.queue]
        process = subprocess.Popen(
            [*self.inside(host), *before, *command, *options],
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
        """Freeze a consumer, but not in the middle of a write: no one could write to SQLite."""
        consumer.signal(signal.SIGSTOP)
        while not self.database.is_free():
            consumer.signal(signal.SIGCONT)
            self.let_pass(0.05)
            consumer.signal(signal.SIGSTOP)

    def serve(self, *, code: Path = ROOT, **extra: str) -> subprocess.Popen[bytes]:
        """Start the web process; one that was killed is followed by the next on the same socket."""
        self.stop_serving()
        number = self._socket.fileno()
        command = [*self.inside("web"), sys.executable, "-m", "tests.chaos.serve", str(number)]
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

    def lose_permits(self) -> None:
        """Delete the stream or topic of this arena, with all that is in it."""
        delete_channel(self.broker, self.queue)

    def close(self) -> None:
        """End all of it."""
        self.stop_serving()
        for consumer in self.consumers:
            if consumer.process.poll() is None:
                consumer.signal(signal.SIGCONT)
            consumer.close()
        self._socket.close()
        self.lose_permits()
        self.database.close()

    # The client.

    def post(self, path: str, body: Any = None, key: str = "", timeout: float = 10.0) -> Any:
        """Send one request; return (status, JSON). Raises OSError when nobody answers."""
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        status, said = self.ask("POST", path, json.dumps(body or {}).encode(), headers, timeout)
        return status, json.loads(said or b"null")

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
    ) -> tuple[int, bytes]:
        """Send one request to the API; return status and body."""
        client = http.client.HTTPConnection("127.0.0.1", timeout=timeout)
        client.sock = self.dial(timeout)
        credential = {"Authorization": f"Bearer {self.token}"}
        try:
            client.request(method, f"/api/v1/{path}", body, credential | dict(headers or {}))
            answer = client.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            client.close()

    def order(self, task: str, key: str, timeout: float = 10.0, **args: Any) -> Any:
        """Ask once for a job; return (status, JSON). What is answered is not yet counted."""
        self.asked.add(key)
        body = {"task": f"chaos.{task}", "args": args, "queue": self.queue}
        return self.post("jobs", body, key, timeout)

    def submit(self, task: str, *, stop: threading.Event | None = None, **args: Any) -> str:
        """Hand in a job as a careful client does: with one key, until there is an answer."""
        key = uuid.uuid4().hex
        stop = stop or threading.Event()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not stop.is_set():
            try:
                status, job = self.order(task, key, **args)
            except OSError:
                status, job = 0, {}
            if status in {200, 202}:
                self.accepted[key] = job["id"].replace("-", "")
                return str(job["id"])
            if status not in {0, 429, 503}:
                raise AssertionError((status, job))
            stop.wait(0.1)
        return ""

    # What is left.

    def rows(self, statement: str, *parameters: Any) -> list[Any]:
        """Ask the database."""
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

    def wait_beats(self, count: int) -> None:
        """Wait until every living consumer has committed so many more beats: ten are a lease."""
        before = self._beats()
        wait_until(
            lambda: all(beat >= before.get(one, 0) + count for one, beat in self._beats().items()),
            timeout=120,
            what=f"{count} beats",
        )

    def let_pass(self, seconds: float) -> None:
        """Let time pass while there is nobody to tell of it."""
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, timeout=10 * seconds)

    def _beats(self) -> dict[str, int]:
        rows = self.rows("SELECT id, heartbeat FROM jobs_consumer WHERE dead_at IS NULL")
        return {one: beat for one, beat in rows if self._lives(one)}

    def unfinished(self) -> int:
        """How many jobs have not ended."""
        marks = ", ".join("?" * len(FINAL))
        statement = f"SELECT COUNT(*) FROM jobs_job WHERE status NOT IN ({marks})"
        return int(self.rows(statement, *FINAL)[0][0])

    def world(self) -> World:
        """Collect what the checker judges."""
        return World(
            accepted=dict(self.accepted),
            asked=set(self.asked),
            retries=Counter(self.retries),
            jobs=jobs_of(self.database),
            attempts=attempts_of(self.database),
            changes=changes_of(self.database),
            ledger=effects_of(self.ledger),
            living={
                row[0] for row in self.rows("SELECT id FROM jobs_consumer") if self._lives(*row)
            },
        )

    def complaints(self) -> list[Complaint]:
        """Let the checker judge, and the database its own files."""
        broken = [Complaint("broken", "", said) for said in self.database.verdict()]
        return check(self.world()) + broken

    def _lives(self, consumer: str) -> bool:
        pids = {handle.pid for handle in self.consumers if handle.process.poll() is None}
        return self.rows("SELECT pid FROM jobs_consumer WHERE id = ?", consumer)[0][0] in pids
