"""django-tasks-db: the reference implementation of Django's tasks, a row a job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import NUMBERS, System, manage


class DjangoTasksDb(System):
    """On SQLite."""

    name = "django_tasks_db"
    title = "django-tasks-db, SQLite"
    note = "2 x db_worker, which look once a second"
    works = System.works | {"grown"}

    def settings(self, values: dict[str, Any], sandbox: Sandbox) -> None:
        """Its apps and its backend."""
        values["INSTALLED_APPS"] += ["django_tasks", "django_tasks_db"]
        backend = {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}
        values["TASKS"] = {"default": backend}

    def task(self, function: Callable[..., Any]) -> Any:
        """Django's decorator, from the backport that it stands on."""
        from django_tasks import task

        return task()(function)

    def workers(self) -> list[list[str]]:
        """One slot each."""
        return [manage("db_worker") for _ in range(2)]

    def send(self, task: Any, ident: str, *args: Any) -> None:
        """As Django has it."""
        task.enqueue(ident, *args)

    def recorded(self) -> int | None:
        """The rows that have ended."""
        from django_tasks_db.models import DBTaskResult

        return int(DBTaskResult.objects.filter(finished_at__isnull=False).count())

    def fill(self, rows: int) -> None:
        """Copies of a row, with ids as it makes them."""
        from django.db import connection
        from django_tasks_db.models import DBTaskResult

        table = DBTaskResult._meta.db_table
        columns = (field.column for field in DBTaskResult._meta.concrete_fields)
        names = ", ".join(f'"{name}"' for name in columns if name != "id")
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (id, {names}) {NUMBERS}"
                f" SELECT lower(hex(randomblob(16))), {names} FROM numbers,"
                f" (SELECT * FROM {table} WHERE finished_at IS NOT NULL LIMIT 1)",
                [rows],
            )


class DjangoTasksPostgres(DjangoTasksDb):
    """On PostgreSQL."""

    name = "django_tasks_postgres"
    title = "django-tasks-db, PostgreSQL"
    group = "PostgreSQL"
    postgres = True
    works = System.works


SYSTEMS = (DjangoTasksDb(), DjangoTasksPostgres())
