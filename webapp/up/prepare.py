"""What must be so before the site is served: folder, secret, tables, someone to sign in as."""

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

from webapp.secret import make_secret, read_secret

from . import StartupError

ADMIN = "admin"
LEFTOVER_SECONDS = 24 * 3600
PATIENCE_SECONDS = 120


@contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Let one ``up`` at a time prepare this data folder.

    Raises:
        Refusal: another one has been at it for two minutes.
    """
    lock = FileLock(data_dir / "locks" / "up.lock")
    try:
        lock.acquire(timeout=PATIENCE_SECONDS)
    except Timeout:
        raise StartupError(
            f"Another `up` is still preparing {data_dir}. Wait for it, or stop it."
        ) from None
    try:
        yield
    finally:
        lock.release()


def prepare_folder(data_dir: Path) -> None:
    """Make the data folder, its secret, and a place for temporary files in it.

    Raises:
        Refusal: it can't be written.
    """
    try:
        temporary = data_dir / "tmp"
        for folder in (data_dir / "locks", temporary):
            folder.mkdir(parents=True, exist_ok=True)
        # A folder may look writable and not be so (another user's, a full or read-only disk).
        with tempfile.TemporaryFile(dir=temporary) as probe:
            probe.write(b"written")
        settings.SECRET_KEY = read_secret(data_dir) or make_secret(data_dir)
        _keep_temporary_files_in(temporary)
    except OSError as error:
        raise StartupError(
            f"The data folder {data_dir} can't be written ({error.strerror or error}). "
            "Make it writable, or name another one in JOBS_DATA_DIR."
        ) from None


def _keep_temporary_files_in(folder: Path) -> None:
    """Uploads on their way in are written here: nothing is written outside the data folder."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ[name] = str(folder)  # for the consumers
    tempfile.tempdir = str(folder)
    old = time.time() - LEFTOVER_SECONDS
    for path in folder.iterdir():
        # What a killed process could not remove.
        if path.is_file() and path.stat().st_mtime < old:
            path.unlink(missing_ok=True)


def prepare_database() -> bool:
    """Bring the tables up to date; return whether anything was done.

    Raises:
        Refusal: the database can't be reached, or is newer than the code.
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
            "Look at DATABASE_URL, and whether its server runs."
        ) from None
    return True


def _database_name() -> str:
    chosen = settings.DATABASES["default"]
    return f"{chosen['NAME']} at {chosen['HOST']}" if chosen.get("HOST") else str(chosen["NAME"])


def _unknown_migrations(executor: MigrationExecutor) -> list[str]:
    """Name what was applied by code that we have not got. Apps that were removed don't count."""
    labels = {config.label for config in apps.get_app_configs()}
    applied = set(executor.loader.applied_migrations)
    return sorted(
        f"{label}.{name}"
        for label, name in applied - set(executor.loader.disk_migrations)
        if label in labels
    )


def prepare_admin() -> tuple[User, str | None]:
    """Return someone who may do everything, and their password if they were just made.

    Raises:
        Refusal: the name is taken by someone who may not.
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
