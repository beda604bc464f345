"""Jobdesk as it ships: consumers by ``runconsumers``, the site by ``up``, the API with a token."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.processes import ROOT
from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import System

TOKEN = "token.txt"


class Jobdesk(System):
    """The default: everything in one SQLite file."""

    name = "jobdesk"
    title = "Jobdesk, SQLite"
    note = "runconsumers --processes 2 --concurrency 1"
    ours = True
    settings_module = "tests.benchmarks.benchapp.settings"
    works = System.works | {
        "poll",
        "crowd",
        "waiters",
        "bulk",
        "bulk-http",
        "feed",
        "webhooks",
        "grown",
        "one-dies",
        "endure",
        "price",
        "prune",
    }
    submit_path = "/api/v1/jobs"
    submit_body = json.dumps({"task": "bench.noop", "args": {"ident": "web"}})
    ping_path = "/healthz"
    slots = ("--processes", "2", "--concurrency", "1")

    def environment(self, sandbox: Sandbox) -> dict[str, str]:
        """Return the variables that the site's settings read."""
        given = {
            **super().environment(sandbox),
            "JOBS_DATA_DIR": str(sandbox.folder / "var"),
            "SECRET_KEY": "only-for-the-benchmark-" + "0123456789abcdef" * 4,
            "JOBS_HTTPS": "0",
            "JOBS_WEBHOOK_SCHEMES": "http",
            "JOBS_WEBHOOK_NETWORKS": "127.0.0.1/32",
            "JOBS_MAX_BACKLOG": "10000000",  # a benchmark builds up a backlog on purpose
        }
        if self.postgres:
            given["DATABASE_URL"] = sandbox.postgres_url()
        if self.redis:
            given["JOBS_BROKER_URL"] = sandbox.redis_url()
        return given

    def prepare(self, sandbox: Sandbox) -> None:
        """Tables, a user and a token."""
        super().prepare(sandbox)
        from django.contrib.auth.models import User

        from jobs.models import Token

        user = User.objects.create_superuser("bench")
        (sandbox.folder / TOKEN).write_text(Token.objects.issue(user, "bench")[1], "utf-8")

    def workers(self) -> list[list[str]]:
        """One supervisor of two processes."""
        return [[sys.executable, str(ROOT / "manage.py"), "runconsumers", *self.slots]]

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """As anyone would from code."""
        from tests.benchmarks.benchapp import tasks

        getattr(tasks, kind).enqueue(ident, *args)

    def enqueue_many(self, kind: str, idents: Sequence[str]) -> None:
        """One call of the task."""
        from tests.benchmarks.benchapp import tasks

        task: Any = getattr(tasks, kind)
        task.enqueue_many({"ident": ident} for ident in idents)

    def fill(self, rows: int) -> None:
        """Copies of the first job and of its attempts."""
        from jobs.models import Job
        from tests.benchmarks.fill_database import copy_job

        copy_job(Job.objects.earliest("id"), rows)

    def recorded(self) -> int | None:
        """The rows that have ended."""
        from jobs.models import Job

        return Job.objects.filter(finished_at__isnull=False).count()

    def web(self, port: int) -> list[str]:
        """The site alone."""
        options = ["--processes", "0", "--port", str(port)]
        return [sys.executable, str(ROOT / "manage.py"), "up", *options]

    def headers(self) -> dict[str, str]:
        """A program's."""
        token = (Sandbox.from_environment(os.environ).folder / TOKEN).read_text("utf-8")
        return {**super().headers(), "Authorization": f"Bearer {token}"}


class JobdeskOneProcess(Jobdesk):
    """The same two slots as threads of one process."""

    name = "jobdesk_threads"
    title = "Jobdesk, SQLite, one process"
    note = "runconsumers --processes 1 --concurrency 2"
    works = frozenset({"start", "pickup", "burst", "rest"})
    slots = ("--processes", "1", "--concurrency", "2")


class JobdeskPostgres(Jobdesk):
    """PostgreSQL alone."""

    name = "jobdesk_postgres"
    title = "Jobdesk, PostgreSQL"
    group = "PostgreSQL"
    postgres = True


class JobdeskRedis(Jobdesk):
    """Redis carries the messages, PostgreSQL the rows."""

    name = "jobdesk_redis"
    title = "Jobdesk, Redis and PostgreSQL"
    group = "Redis"
    redis = True
    postgres = True
    works = Jobdesk.works - {"grown", "crowd", "poll"}  # as without Redis: it has no part in them


class JobdeskRedisSqlite(Jobdesk):
    """Redis carries the messages, SQLite the rows, as with the other systems on Redis."""

    name = "jobdesk_redis_sqlite"
    title = "Jobdesk, Redis and SQLite"
    group = "Redis"
    redis = True
    works = frozenset({"pickup", "burst", "bulk", "submit"})


SYSTEMS = (
    Jobdesk(),
    JobdeskOneProcess(),
    JobdeskPostgres(),
    JobdeskRedis(),
    JobdeskRedisSqlite(),
)
