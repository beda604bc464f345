"""Huey: a list in SQLite or Redis, results beside it, no row a job."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import NUMBERS, System, manage


class HueySqlite(System):
    """Huey's own SQLite storage."""

    name = "huey_sqlite"
    title = "huey, SQLite"
    note = "run_huey with 2 process workers"
    works = System.works | {"grown"}

    def settings(self, values: dict[str, Any], sandbox: Sandbox) -> None:
        """Its app and its storage."""
        values["INSTALLED_APPS"].append("huey.contrib.djhuey")
        values["HUEY"] = {
            "name": "bench",
            "immediate": False,
            "consumer": {"workers": 2, "worker_type": "process"},
            **self.storage(sandbox),
        }

    def storage(self, sandbox: Sandbox) -> dict[str, Any]:
        """Which storage, and where."""
        file = str(sandbox.folder / "huey.sqlite3")
        return {"huey_class": "huey.SqliteHuey", "connection": {"filename": file}}

    def task(self, function: Callable[..., Any]) -> Any:
        """As its Django documentation has it."""
        from huey.contrib.djhuey import db_task

        return db_task()(function)

    def workers(self) -> list[list[str]]:
        """One command that starts both."""
        return [manage("run_huey", "--workers", "2", "--worker-type", "process")]

    def send(self, task: Any, ident: str, *args: Any) -> None:
        """A call enqueues."""
        task(ident, *args)

    def recorded(self) -> int | None:
        """The results that nobody has fetched."""
        from huey.contrib.djhuey import HUEY

        return int(HUEY.storage.result_store_size())

    def fill(self, rows: int) -> None:
        """It keeps no row a job, but each result until somebody fetches it."""
        from huey.contrib.djhuey import HUEY

        file = sqlite3.connect(HUEY.storage.filename)
        with closing(file), file:
            file.execute(
                f"INSERT INTO kv (queue, key, value) {NUMBERS.replace('%s', '?')}"
                " SELECT queue, lower(hex(randomblob(16))), value FROM numbers,"
                " (SELECT * FROM kv LIMIT 1)",
                [rows],
            )


class HueyRedis(HueySqlite):
    """Huey on Redis."""

    name = "huey_redis"
    title = "huey, Redis"
    group = "Redis"
    redis = True
    works = System.works

    def storage(self, sandbox: Sandbox) -> dict[str, Any]:
        """The server's."""
        host, port, database = sandbox.redis()
        return {
            "huey_class": "huey.RedisHuey",
            "connection": {"host": host, "port": port, "db": database},
        }


SYSTEMS = (HueySqlite(), HueyRedis())
