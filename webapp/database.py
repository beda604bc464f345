"""``DATABASE_URL`` to Django's ``DATABASES["default"]``: SQLite or PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# A 202 answer is a promise that survives a power cut, so each commit reaches the disk: FULL.
_SQLITE_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
# Without these a client whose server has disappeared from the network waits for two hours.
_POSTGRES_TIMEOUTS = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
_HINT = "Write sqlite:///path/to/file or postgres://user:password@host:5432/name."


def from_url(url: str, *, base: Path) -> dict[str, Any]:
    """Return the settings of the database that ``url`` names; relative files start at ``base``.

    Raises:
        ImproperlyConfigured: the URL cannot be used. Its password is never repeated.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL is not a URL: {error}. {_HINT}") from None
    if parts.scheme == "sqlite":
        return sqlite(base / _sqlite_path(parts))
    if parts.scheme in {"postgres", "postgresql"}:
        return _postgres(parts, port)
    raise ImproperlyConfigured(
        f"DATABASE_URL starts with {parts.scheme or url[:12]!r}, which is not served. {_HINT}"
    )


def sqlite(path: Path) -> dict[str, Any]:
    """Return the settings of a SQLite file that several processes write to."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # A transaction that begins by reading and then writes cannot wait for the write lock:
            # SQLite refuses it at once. IMMEDIATE takes the lock at the beginning.
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": _SQLITE_PRAGMAS,
        },
        # Threads and child processes of the tests see a file, not a database in memory.
        "TEST": {"NAME": path.with_name("test.sqlite3")},
    }


def _sqlite_path(parts: SplitResult) -> Path:
    # sqlite:///relative and sqlite:////absolute (or sqlite:///C:/absolute), as everywhere.
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path or path == ":memory:":
        raise ImproperlyConfigured(f"DATABASE_URL must name a SQLite file. {_HINT}")
    return Path(path)


def _postgres(parts: SplitResult, port: int | None) -> dict[str, Any]:
    name = unquote(parts.path).removeprefix("/")
    if not name:
        raise ImproperlyConfigured(f"DATABASE_URL names no database. {_HINT}")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": port or "",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _POSTGRES_TIMEOUTS | dict(parse_qsl(parts.query)),
    }
