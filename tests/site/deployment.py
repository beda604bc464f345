"""The whole site: which server is on which machine, and what a client finds in the end."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tests.brokers.pgbouncer import PgBouncer
from tests.brokers.postgres_server import STANDBY
from tests.brokers.servers import Setup, postgres_config
from tests.chaos.arena import Arena
from tests.chaos.checker import Violation
from tests.chaos.machines import CLIENT, PORT, WEB, Machines
from tests.network import Network
from tests.s3_server import S3Server
from tests.site.checker import Site, StoredFile, TaskLog, check_site
from tests.site.postgres_pair import PRIMARY, PairDatabase, PostgresPair
from tests.site.web import PREFIX, Gunicorn, Nginx, WebServer

POOLER, FILES = "pooler", "files"
CONSUMERS: Final = ("one", "two")
MACHINES: Final = (PRIMARY, STANDBY, POOLER, FILES, WEB, *CONSUMERS, CLIENT)
PATIENCE_SECONDS: Final = 60.0
"""No request may take longer, whatever is away."""
POOLER_OPTIONS: Final = (
    "server_connect_timeout = 2",
    "server_login_retry = 1",
    "query_wait_timeout = 5",
    "tcp_keepidle = 2",
    "tcp_keepintvl = 1",
    "tcp_keepcnt = 2",
    "tcp_user_timeout = 4000",
)
"""In seconds. By default pgbouncer waits 15 s for a server that does not answer, as long before it
asks again, and lets its clients wait for two minutes: longer than a proxy does."""
_A_JOB: Final = re.compile(r" chaos\.\w+ [0-9a-f-]{36}: ")


class Deployment(Machines):
    """nginx and two gunicorns on one machine; a consumer on each of two others; and servers."""

    prefix = PREFIX
    database: PairDatabase

    def __init__(self, folder: Path, *, synchronous: bool = True) -> None:
        """Start the servers: all but the site's own processes. ``folder`` is for everyone."""
        self.uploads: dict[str, bytes] = {}
        self._stack = ExitStack()
        self._servers: list[WebServer] = []
        try:
            network = Network(MACHINES)
            self._stack.callback(network.close)
            self.host = network.address(WEB)
            place = {"host": network.address(FILES), "namespace": network.namespace(FILES)}
            self.storage = S3Server(**place)
            self._stack.callback(self.storage.stop)
            self.pair = PostgresPair(folder, network, synchronous=synchronous)
            self._stack.callback(self.pair.close)
            self.pooler = self._pooler(folder, network)
            self._stack.callback(self.pooler.stop)
            found = self.pooler.config
            seen = f"postgres://{found['USER']}@{found['HOST']}:{found['PORT']}/"
            database = PairDatabase(self.pair.primary.local_url, as_seen=seen)
            super().__init__(
                folder, Setup("site", database="postgres"), network, "database://", database
            )
        except BaseException:
            self._stack.close()
            raise

    def _pooler(self, folder: Path, network: Network) -> PgBouncer:
        own = folder / "pgbouncer"
        own.mkdir()
        return PgBouncer(
            own,
            postgres_config(self.pair.primary.url),
            "transaction",
            *POOLER_OPTIONS,
            host=network.address(POOLER),
            namespace=network.namespace(POOLER),
        )

    # Its processes.

    def environment(self, host: str = WEB, **extra: str) -> dict[str, str]:
        """Machines share the database and the bucket, and nothing else."""
        own = {
            "ALLOWED_HOSTS": self.network.address(WEB),
            "JOBS_STORAGE_URL": self.storage.url,
        }
        return Arena.environment(self, host, **own, **extra)

    def serve(self, **extra: str) -> None:  # type: ignore[override]
        """Start the two sites, and nginx before them."""
        host, namespace = self.network.address(WEB), self.network.namespace(WEB)
        ports = (PORT + 1, PORT + 2)
        sites = [f"{host}:{port}" for port in ports]
        self._servers = [
            *(Gunicorn(host, port, namespace, self.environment()) for port in ports),
            Nginx(self.folder / "nginx", host, PORT, namespace, sites),
        ]
        for server in self._servers:
            server.start()

    def stop_serving(self) -> None:
        """End them."""
        for server in self._servers:
            server.end()
        self._servers = []

    def fail_over(self) -> None:
        """Make the standby the primary, and let the pooler know."""
        server = self.pair.promote()
        self.database.move(server.local_url)
        self.pooler.point_to(postgres_config(server.url))

    def close(self) -> None:
        """End everything."""
        with self._stack:
            super().close()

    # Its client.

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 0.0,
    ) -> tuple[int, bytes]:
        """Wait longer for an answer than other arenas: here there must be one."""
        return super().ask(method, path, body, headers, max(timeout, PATIENCE_SECONDS))

    def upload(self, content: bytes, stop: threading.Event) -> str:
        """Upload a file as a careful client does, and return its id; empty when stopped."""
        binary = {"Content-Type": "application/octet-stream"}
        deadline = time.monotonic() + 2 * PATIENCE_SECONDS
        while time.monotonic() < deadline and not stop.is_set():
            status, said = self.ask("POST", "uploads?name=a.bin", content, binary)
            if status == 201:
                found = str(json.loads(said)["id"])
                self.uploads[found] = content
                return found
            stop.wait(0.2)
        return ""

    # What it finds in the end.

    def problems(self) -> Iterator[str]:
        """Yield what the consumers have logged besides a line for each job."""
        for number, consumer in enumerate(self.consumers):
            for line in consumer.log:
                if not _A_JOB.search(line):
                    yield f"consumer {number}: {line.rstrip()}"

    def site(self) -> Site:
        """Collect what the checker of the site looks at."""
        rows = self.rows("SELECT id, task, kwargs, status, attempt FROM jobs_job")
        return Site(
            records=self.records(),
            cancels=set(self.cancels),
            tasks={job: task.removeprefix("chaos.") for job, task, *_ in rows},
            files=[
                self._file(job, args)
                for job, task, args, status, _ in rows
                if "copy" in task and status == "succeeded"
            ],
            logs=[
                self._log(job, attempt, args)
                for job, task, args, status, attempt in rows
                if task == "chaos.talk" and status == "succeeded"
            ],
        )

    def _file(self, job: str, args: dict[str, Any]) -> StoredFile:
        status, content = self.ask("GET", f"jobs/{uuid.UUID(job)}/artifacts/copy.txt")
        sent = self.uploads[args["file"]["upload"]]
        return StoredFile(job, sent, content if status == 200 else None)

    def _log(self, job: str, attempt: int, args: dict[str, Any]) -> TaskLog:
        status, text = self.ask("GET", f"jobs/{uuid.UUID(job)}/log")
        return TaskLog(job, attempt, args["lines"], text.decode() if status == 200 else "")

    def violations(self) -> list[Violation]:
        """Return what the checker finds, and the database in its own files."""
        broken = [Violation("broken", "", text) for text in self.database.integrity_errors()]
        return check_site(self.site()) + broken
