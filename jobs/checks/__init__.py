"""System checks for ``manage.py check``: task declarations, settings, broker, database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.db.utils import load_backend

from jobs.brokers import get_broker
from jobs.brokers.funboost import installed
from jobs.catalog.checks import declaration_errors
from jobs.catalog.registry import declarations
from jobs.compat import task_backends
from jobs.conf import get_conf
from jobs.core.private_files import exposed_files
from jobs.errors import BrokerError

VENDORS = {"sqlite", "postgresql"}
OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING


@checks.register("jobs")
def check_declarations(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report errors in the declarations of tasks."""
    if not _uses_jobs_backend():
        return [_no_backend()]
    errors: list[checks.CheckMessage] = [
        checks.Error(error.message, hint=error.hint, obj=error.where, id=f"jobs.{error.code}")
        for error in declaration_errors()
    ]
    return [*errors, *_other_backends()]


def _other_backends() -> Iterator[checks.CheckMessage]:
    """Report tasks of ``@job`` that another backend would run, though one of ours is there."""
    ours = {alias for alias in task_backends.settings if _is_ours(task_backends[alias])}
    for declaration in declarations():
        task = declaration.task
        if task.backend in task_backends.settings and task.backend not in ours:
            yield checks.Warning(
                f"{task.module_path} uses the backend {task.backend!r}, which is not Jobdesk's:"
                " .enqueue() does not make a job of it.",
                hint=f"Declare it by @job(backend={min(ours)!r}).",
                obj=task,
                id="jobs.W002",
            )


def _no_backend() -> checks.CheckMessage:
    hint = 'Set TASKS = {"default": {"BACKEND": "jobs.backend.JobsBackend"}}.'
    if getattr(settings, "TASKS", None) and _is_set("TASKS"):
        # On purpose, perhaps: tests may run tasks at once.
        return checks.Warning(
            "TASKS has no backend of Jobdesk, so .enqueue() will not make jobs.",
            hint=hint,
            id="jobs.W001",
        )
    return checks.Error(
        "TASKS is not set: .enqueue() would run a task at once, in the request.",
        hint=hint,
        id="jobs.E014",
    )


def _is_set(name: str) -> bool:
    return bool(settings.is_overridden(name))  # type: ignore[misc]  # no stub has it


def _uses_jobs_backend() -> bool:
    return any(_is_ours(backend) for backend in task_backends.all())


def _is_ours(backend: object) -> bool:
    from jobs.backend import JobsBackend

    return isinstance(backend, JobsBackend)


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
    """Report a database of the jobs that cannot hold them, or does not suit many small writers."""
    messages = list(_router_messages())
    alias = router.db_for_write(apps.get_model("jobs", "Job"))
    return [*messages, *_database_messages(settings.DATABASES.get(alias, {}))]


@checks.register("jobs", deploy=True)
def check_private_files(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report files with passwords' hashes and jobs that others on this machine can read."""
    try:
        found = exposed_files()
    except ImproperlyConfigured:
        return []  # reported by check_settings
    return [
        checks.Warning(
            f"Every user of this machine can read {path}.",
            hint="Take the right from them: chmod o-rwx.",
            id="jobs.W017",
        )
        for path in found
    ]


def _router_messages() -> Iterator[checks.CheckMessage]:
    """Report routers that tear the tables apart: one statement reads or writes several of them."""
    models = list(apps.get_app_config("jobs").get_models())
    aliases = {router.db_for_write(model) for model in models}
    alias = min(aliases)
    hint = 'DATABASE_ROUTERS must send all models of the app "jobs" to one database.'
    if len(aliases) > 1:
        found = ", ".join(sorted(aliases))
        yield checks.Error(
            f"Jobdesk's tables would be in several databases: {found}.", hint=hint, id="jobs.E015"
        )
    elif not all(router.allow_migrate_model(alias, model) for model in models):
        yield checks.Error(
            f"Jobdesk's rows would go to the database {alias!r}, where a router does not"
            " allow its tables (allow_migrate).",
            hint=hint,
            id="jobs.E016",
        )
    elif {router.db_for_read(model) for model in models} != aliases:
        yield checks.Warning(
            "Jobdesk's rows would be read from another database than they are written to: a job"
            " may not be found right after it was submitted.",
            hint='Return the same alias from db_for_read and db_for_write for the app "jobs".',
            id="jobs.W014",
        )


def _vendor(config: dict[str, Any]) -> str:
    """The kind of database behind an engine, which may be a wrapper around one of Django's own."""
    if not config.get("ENGINE"):
        return ""
    return str(load_backend(config["ENGINE"]).DatabaseWrapper.vendor)


def _database_messages(config: dict[str, Any]) -> Iterator[checks.CheckMessage]:
    vendor = _vendor(config)
    if vendor and vendor not in VENDORS:
        name = load_backend(config["ENGINE"]).DatabaseWrapper.display_name
        yield checks.Error(
            f"Jobdesk does not work on {name}: it claims jobs with statements that only SQLite"
            " (3.35 or later) and PostgreSQL have.",
            hint='Use one of those two. A database router can send the app "jobs" to a database of'
            " its own, beside the project's.",
            id="jobs.E012",
        )
        return
    if config.get("ATOMIC_REQUESTS"):
        yield checks.Warning(
            "ATOMIC_REQUESTS makes every page that only reads wait for the one writer.",
            hint="Leave it off and use transaction.atomic() where a view needs it.",
            id="jobs.W010",
        )
    if vendor != "sqlite":
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
            "SQLite is not told to use a write-ahead log that survives a power cut. Without it"
            " each reader waits for the writer, and a job can take seconds.",
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
