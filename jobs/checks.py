"""System checks for ``manage.py check``: task declarations, settings, broker, database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from jobs.catalog.checks import declaration_errors

from .brokers import get_broker
from .brokers.funboost import installed
from .compat import task_backends
from .conf import get_conf
from .errors import BrokerError

OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING


@checks.register("jobs")
def check_declarations(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report errors in the declarations of tasks."""
    if not _uses_jobs_backend():
        return [
            checks.Warning(
                "TASKS has no backend of Jobdesk, so .enqueue() will not make jobs.",
                hint='Set TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend"}}.',
                id="jobs.W001",
            )
        ]
    return [
        checks.Error(error.message, hint=error.hint, obj=error.task, id=f"jobs.{error.code}")
        for error in declaration_errors()
    ]


def _uses_jobs_backend() -> bool:
    from .backend import JobsBackend

    return any(isinstance(backend, JobsBackend) for backend in task_backends.all())


@checks.register("jobs")
def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report an invalid ``JOBS`` setting."""
    try:
        get_conf()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="jobs.E010")]
    return []


@checks.register("jobs")
def check_broker(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report an unknown broker or a missing package. The broker itself is not contacted."""
    try:
        get_broker()
    except ImproperlyConfigured:
        return []  # reported by check_settings
    except BrokerError as error:
        return [checks.Error(str(error), id="jobs.E013")]
    return []


@checks.register("jobs")
def check_funboost(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report a funboost that is not the one that consumers can use. It may also be missing."""
    problem = installed.find_problem()
    if problem is None:
        return []
    hint = f"Run: {installed.install_command()}"
    return [checks.Error(problem, hint=hint, id="jobs.E040")]


@checks.register("jobs")
def check_database(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report settings of the default database that do not suit many small writers."""
    return list(_database_messages(settings.DATABASES.get("default", {})))


def _database_messages(config: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    if config.get("ATOMIC_REQUESTS"):
        yield checks.Warning(
            "ATOMIC_REQUESTS makes every page that only reads wait for the one writer.",
            hint="Leave it off and use transaction.atomic() where a view needs it.",
            id="jobs.W010",
        )
    if not str(config.get("ENGINE", "")).endswith("sqlite3"):
        return
    options = config.get("OPTIONS", {})
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield checks.Error(
            f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is the first with RETURNING.",
            id="jobs.E011",
        )
    init_command = "".join(str(options.get("init_command", "")).lower().split())
    if "journal_mode=wal" not in init_command or "synchronous=full" not in init_command:
        yield checks.Warning(
            "SQLite is not told to use a write-ahead log that survives a power cut.",
            hint='OPTIONS["init_command"] = '
            '"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" is safe and fast.',
            id="jobs.W011",
        )
    if str(options.get("transaction_mode", "")).upper() != "IMMEDIATE":
        yield checks.Warning(
            "SQLite transactions that read first can fail with 'database is locked'.",
            hint='Set OPTIONS["transaction_mode"] = "IMMEDIATE".',
            id="jobs.W012",
        )
