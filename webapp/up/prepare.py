"""What the site needs before it is served: data folder, secret, tables, a user to sign in as."""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from filelock import FileLock, Timeout

from jobs.management.database_command import UNAVAILABLE
from webapp.secret import make_secret, read_secret

from . import StartupError

ADMIN = "admin"
LEFTOVER_SECONDS = 24 * 3600
LOCK_SECONDS = 120
RANDOM_NAME = 9
"""Characters that ``tempfile`` adds to a prefix, and the separator."""


@contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Let one ``up`` at a time prepare this data folder.

    Raises:
        StartupError: another one has been preparing for two minutes.
    """
    lock = FileLock(data_dir / "locks" / "up.lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise StartupError(
            f"Another `up` is still preparing {data_dir}. Wait for it, or stop it."
        ) from None
    try:
        yield
    finally:
        lock.release()


def prepare_folder(data_dir: Path) -> None:
    """Make the data folder, its secret, and a folder for temporary files in it.

    Raises:
        StartupError: it can't be written.
    """
    try:
        temporary = data_dir / "tmp"
        for folder in (data_dir / "locks", temporary):
            folder.mkdir(parents=True, exist_ok=True)
        # Permissions do not tell it all (another user's folder, a full or read-only disk).
        with tempfile.TemporaryFile(dir=temporary) as probe:
            probe.write(b"written")
        _check_length(data_dir)
        settings.SECRET_KEY = read_secret(data_dir) or make_secret(data_dir)
        _keep_temporary_files_in(temporary)
    except OSError as error:
        raise StartupError(
            f"The data folder {data_dir} can't be written ({error.strerror or error}). "
            "Make it writable, or name another one in JOBS_DATA_DIR."
        ) from None


def _check_length(data_dir: Path) -> None:
    """Make a file with as long a path as any in the data folder: Windows may allow 260 characters.

    Raises:
        StartupError: the system does not take it.
    """
    longest = data_dir / "files" / "artifacts" / ("x" * 6) / ("x" * 32) / ("x" * 40)
    room = len(str(longest)) - len(str(data_dir / "tmp")) - RANDOM_NAME
    try:
        with tempfile.TemporaryFile(dir=data_dir / "tmp", prefix="x" * room):
            return
    except OSError:
        raise StartupError(
            f"The path of the data folder is too long: {data_dir} has {len(str(data_dir))} "
            f"characters, and the files in it up to {room + RANDOM_NAME} more. Name a shorter one "
            "in JOBS_DATA_DIR, or let Windows take long paths (LongPathsEnabled in its registry)."
        ) from None


def _keep_temporary_files_in(folder: Path) -> None:
    """Have uploads written here while they arrive: nothing is written outside the data folder."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(folder)  # for the consumers
    tempfile.tempdir = str(folder)
    old = time.time() - LEFTOVER_SECONDS
    for path in folder.iterdir():
        # A killed process could not remove it.
        if path.is_file() and path.stat().st_mtime < old:
            path.unlink(missing_ok=True)


def prepare_database() -> bool:
    """Bring the tables up to date; return whether anything was done.

    Raises:
        StartupError: the database can't be reached, or is newer than the code.
    """
    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        newer = _unknown_migrations(executor)
        if newer:
            raise StartupError(
                f"The database is newer than this code: it has {', '.join(newer)}. "
                "Use the code that made it, or another database (JOBS_DATA_DIR, DATABASE_URL)."
            )
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0] if str(error) else type(error).__name__
        raise StartupError(
            f"The database {_database_name()} can't be used: {reason.rstrip('.')}. "
            "Look at DATABASE_URL, and whether its server runs.",
            UNAVAILABLE,
        ) from None
    return True


def _database_name() -> str:
    database = settings.DATABASES["default"]
    return (
        f"{database['NAME']} at {database['HOST']}"
        if database.get("HOST")
        else str(database["NAME"])
    )


def _unknown_migrations(executor: MigrationExecutor) -> list[str]:
    """Return the applied migrations that this code does not have, except those of removed apps."""
    labels = {config.label for config in apps.get_app_configs()}
    applied = set(executor.loader.applied_migrations)
    return sorted(
        f"{label}.{name}"
        for label, name in applied - set(executor.loader.disk_migrations)
        if label in labels
    )


def prepare_admin() -> tuple[User, str | None]:
    """Return an active superuser, and their password if they were just made.

    Raises:
        StartupError: the name is taken by a user who is no active superuser.
    """
    admin = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if admin is not None:
        return admin, None
    if User.objects.filter(username=ADMIN).exists():
        raise StartupError(
            f"The user {ADMIN} is no active superuser, and there is no other. "
            "Make one: `python manage.py createsuperuser`."
        )
    password = secrets.token_urlsafe(12)
    return User.objects.create_superuser(ADMIN, password=password), password
