"""Measurements without any job system: an empty view, a view with an INSERT, bare computing.

Each view is served twice: by gunicorn, as the other systems are, and by the server of ``up``.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.systems.base import SITE, System


class OneInsert(System):
    """The least that keeps a job."""

    name = "one_insert"
    title = "a view with one INSERT, gunicorn"
    group = "floor"
    note = "no job system"
    works = frozenset({"submit"})

    def prepare(self, sandbox: Sandbox) -> None:
        """A table."""
        super().prepare(sandbox)
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE bench_row (id INTEGER PRIMARY KEY, body TEXT, at REAL)")

    def workers(self) -> list[list[str]]:
        """Nobody."""
        return []

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """One row, one commit."""
        from django.db import connection

        body = '{"kind": "noop", "ident": "web"}'
        with connection.cursor() as cursor:
            insert = "INSERT INTO bench_row (body, at) VALUES (%s, %s)"
            cursor.execute(insert, [body, time.time()])


class EmptyView(OneInsert):
    """The web server and Django alone."""

    name = "empty_view"
    title = "a view that does nothing, gunicorn"
    works = frozenset({"submit", "poll", "crowd"})

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """Nothing."""


class ServedByUp(System):
    """The same view behind the web server that ``up`` has."""

    our_python = True
    note = "no job system; the web server of Jobdesk's `up`"

    def web(self, port: int) -> list[str]:
        """Ours, with the floor's application."""
        return [sys.executable, "-m", f"{SITE}.served", str(port)]


class OneInsertUp(ServedByUp, OneInsert):
    """One INSERT."""

    name = "one_insert_up"
    title = "a view with one INSERT, the server of `up`"


class EmptyViewUp(ServedByUp, EmptyView):
    """Nothing."""

    name = "empty_view_up"
    title = "a view that does nothing, the server of `up`"


class BarePool(EmptyView):
    """No queue, no site: two processes of a pool."""

    name = "bare_pool"
    title = "a bare `multiprocessing` pool"
    note = "2 processes, one job at a time each"
    works = frozenset({"compute"})

    def prepare(self, sandbox: Sandbox) -> None:
        """Nothing."""


SYSTEMS = (OneInsert(), EmptyView(), OneInsertUp(), EmptyViewUp(), BarePool())
