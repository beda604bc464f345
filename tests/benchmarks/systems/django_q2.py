"""django-q2: rows of its own table, or a list in Redis; results in the database."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import SITE, System, manage


class DjangoQ2(System):
    """The ORM broker, as its documentation's example sets it up."""

    name = "django_q2"
    title = "django-q2, SQLite"
    note = "qcluster with 2 workers (timeout 90, retry 120)"

    def settings(self, values: dict[str, Any], sandbox: Sandbox) -> None:
        """``save_limit`` 0 keeps every result, so that they can be counted."""
        values["INSTALLED_APPS"].append("django_q")
        values["Q_CLUSTER"] = {
            "name": "bench",
            "workers": 2,
            "timeout": 90,
            "retry": 120,
            "queue_limit": 50,
            "save_limit": 0,
            **self.broker(sandbox),
        }

    def broker(self, sandbox: Sandbox) -> dict[str, Any]:
        """Where messages wait."""
        return {"orm": "default", "bulk": 10}

    def workers(self) -> list[list[str]]:
        """One command that starts all."""
        return [manage("qcluster")]

    def send(self, task: Any, ident: str, *args: Any) -> None:
        """By the function's path."""
        from django_q.tasks import async_task

        async_task(f"{SITE}.tasks.{task.__name__}", ident, *args)

    def recorded(self) -> int | None:
        """The rows of those that succeeded."""
        from django_q.models import Success

        return int(Success.objects.count())


class DjangoQ2Redis(DjangoQ2):
    """The Redis broker."""

    name = "django_q2_redis"
    title = "django-q2, Redis"
    group = "Redis"
    redis = True

    def broker(self, sandbox: Sandbox) -> dict[str, Any]:
        """The server's list."""
        host, port, database = sandbox.redis()
        return {"redis": {"host": host, "port": port, "db": database}}


SYSTEMS = (DjangoQ2(), DjangoQ2Redis())
