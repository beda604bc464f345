"""Where tests find real servers, and how one becomes a test's database or broker."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connections

from tests.subprocesses import ROOT
from webapp.database import from_url


def address(name: str) -> str:
    """The URL of a server from ``JOBS_TEST_POSTGRES`` and the like; without one, skip."""
    variable = f"JOBS_TEST_{name.upper()}"
    found = os.environ.get(variable, "")
    if not found:
        pytest.skip(f"no {name} server: {variable} is not set")
    return found


@dataclass(frozen=True)
class Setup:
    """One broker over one database; ``broker`` is a URL or the name of a server.

    ``switches`` are variables of ``tests.testapp.apps`` that are set for its consumers.
    """

    name: str
    broker: str = "database://"
    database: str = "sqlite"
    switches: tuple[str, ...] = ()

    def parameter(self) -> Any:
        """As a parameter of a test, with the marks of the servers it needs."""
        servers = [name for name in (self.broker, self.database) if name in SERVERS]
        return pytest.param(self, id=self.name, marks=[getattr(pytest.mark, s) for s in servers])

    def __str__(self) -> str:
        return f"{self.broker.removesuffix('://')} over {self.database}"

    def broker_url(self) -> str:
        """Its URL; skips when the server is not there."""
        return address(self.broker) if self.broker in SERVERS else self.broker

    def environment(self) -> dict[str, str]:
        """What its consumers are to read."""
        return {"JOBS_BROKER_URL": self.broker_url(), **dict.fromkeys(self.switches, "1")}


SERVERS = ("postgres", "redis", "kafka", "rabbitmq")


@contextlib.contextmanager
def default_database(config: dict[str, Any]) -> Iterator[None]:
    """Let ``default`` be another database for a while, in every thread that asks from now on."""
    before = connections["default"]
    kept = connections.settings["default"]
    connections.settings["default"] = {**before.settings_dict, **config}
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()
        del connections["default"]
        connections.settings["default"] = kept
        connections["default"] = before


def postgres_config(url: str, name: str = "") -> dict[str, Any]:
    """Django's settings of a database on the server of ``url``."""
    config = from_url(url, base=ROOT)
    return {**config, "NAME": name or config["NAME"]}
