"""The URL of a database to what Django's ``DATABASES`` holds: SQLite or PostgreSQL.

Imports no model and no setting: settings are being read when it is called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# A 202 answer is a promise that survives a power cut, so each commit reaches the disk: FULL.
_SQLITE_PRAGMAS: Final = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"
# Without these a client whose server has disappeared from the network waits for two hours.
_POSTGRES_TIMEOUTS: Final = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
# libpq tries the hosts in their order and takes the first that answers, be it a standby; one that
# has left the network would hold up each connection for two minutes.
_SEVERAL_HOSTS: Final = {"target_session_attrs": "read-write", "connect_timeout": "5"}
_HINT: Final = "Write sqlite:///path/to/file or postgres://user:password@host:5432/name."


def from_url(url: str, *, base: Path, name: str = "DATABASE_URL") -> dict[str, Any]:
    """Return the settings of the database that ``url`` names; relative files start at ``base``.

    A PostgreSQL URL may name several hosts, ``postgres://user@a:5432,b:5432/name``: the one that
    can be written to is used, unless ``target_session_attrs`` says otherwise.

    Args:
        url: what was given.
        base: where relative files of SQLite start.
        name: what the URL is called in an error.

    Raises:
        ImproperlyConfigured: the URL cannot be used. Its password is never repeated.
    """
    try:
        parts = urlsplit(url)
        hosts = _hosts(parts)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not a URL: {error}. {_HINT}") from None
    if parts.scheme == "sqlite":
        return sqlite(base / _sqlite_path(parts, name))
    if parts.scheme in {"postgres", "postgresql"}:
        return _postgres(parts, hosts, name)
    raise ImproperlyConfigured(
        f"{name} starts with {parts.scheme or url[:12]!r}, which is not served. {_HINT}"
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


def without_password(url: str) -> str:
    """Return the URL for people to read, with ``***`` for its password."""
    parts = urlsplit(url)
    user, colon, _ = parts.netloc.rpartition("@")[0].partition(":")
    if not colon:
        return url
    hosts = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:***@{hosts}").geturl()


def _hosts(parts: SplitResult) -> list[tuple[str, int | None]]:
    """The hosts with their ports; ``SplitResult.port`` knows one host only."""
    hosts = [
        urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",") if host.strip()
    ]
    return [(unquote(host.hostname or ""), host.port) for host in hosts]


def _sqlite_path(parts: SplitResult, name: str) -> Path:
    # sqlite:///relative and sqlite:////absolute (or sqlite:///C:/absolute), as everywhere.
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path or path == ":memory:":
        raise ImproperlyConfigured(f"{name} must name a SQLite file. {_HINT}")
    return Path(path)


def _postgres(parts: SplitResult, hosts: list[tuple[str, int | None]], name: str) -> dict[str, Any]:
    database = unquote(parts.path).removeprefix("/")
    if not database:
        raise ImproperlyConfigured(f"{name} names no database. {_HINT}")
    several = len(hosts) > 1
    ports: str | int = ",".join(str(port or 5432) for _, port in hosts)
    if not several:
        ports = (hosts[0][1] if hosts else None) or ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": ",".join(host for host, _ in hosts),
        "PORT": ports,
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": _POSTGRES_TIMEOUTS
        | (_SEVERAL_HOSTS if several else {})
        | dict(parse_qsl(parts.query)),
    }
