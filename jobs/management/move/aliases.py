"""Both databases under the names by which Django's routers and commands find them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import connections
from django.db.utils import ConnectionHandler

from jobs.core.database_url import from_url

SOURCE: Final = "jobdesk_move_source"
LOCK_SECONDS = 5
"""How long the move waits for others to leave the old database."""


def read_target(text: str) -> dict[str, Any]:
    """Return Django's settings of a database: an alias of ``DATABASES``, or a URL.

    Raises:
        CommandError: it is neither.
    """
    if text in connections.settings:
        return {**connections.settings[text]}
    try:
        config = from_url(text, base=Path.cwd(), name="The URL of the new database")
    except ImproperlyConfigured as error:
        raise CommandError(f"{error} Or name an alias of DATABASES.") from None
    return _complete(config)


@contextmanager
def both(alias: str, target: dict[str, Any]) -> Iterator[None]:
    """Let ``alias`` be the new database, and ``SOURCE`` the old one.

    Routers and migrations ask for the name of a database: the new one must have the old one's.
    """
    before = connections[alias]
    source = connections.settings[alias]
    before.close()
    connections.settings[SOURCE] = _only_reader(source)
    connections.settings[alias] = target
    del connections[alias]
    try:
        yield
    finally:
        for name in (alias, SOURCE):
            connections[name].close()
            del connections[name]
        del connections.settings[SOURCE]
        connections.settings[alias] = source
        connections[alias] = before


def _only_reader(config: dict[str, Any]) -> dict[str, Any]:
    """The old database, which no other process may have open where that can be had (SQLite)."""
    if "sqlite" not in config["ENGINE"] and "spatialite" not in config["ENGINE"]:
        return {**config, "CONN_HEALTH_CHECKS": False}
    options = {
        **config["OPTIONS"],
        # Each connection in WAL mode holds a shared lock on the file, so this one is refused while
        # another process has it open, and holds off all others afterwards.
        "init_command": "PRAGMA locking_mode=EXCLUSIVE",
        "transaction_mode": "IMMEDIATE",
        "timeout": LOCK_SECONDS,
    }
    return {**config, "OPTIONS": options}


def _complete(config: dict[str, Any]) -> dict[str, Any]:
    complete: dict[str, Any] = ConnectionHandler({"default": config}).settings["default"]
    return complete
