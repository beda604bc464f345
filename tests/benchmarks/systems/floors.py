"""What a view costs without any job system: an empty one, and one with an INSERT."""

from __future__ import annotations

import time
from typing import Any

from tests.benchmarks.place import Place

from .base import System


class OneInsert(System):
    """The least that keeps a job."""

    name = "one_insert"
    title = "a view with one INSERT"
    group = "floor"
    note = "no job system"
    works = frozenset({"submit"})

    def prepare(self, place: Place) -> None:
        """A table."""
        super().prepare(place)
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
    title = "a view that does nothing"

    def enqueue(self, kind: str, ident: str, *args: Any) -> None:
        """Nothing."""


SYSTEMS = (OneInsert(), EmptyView())
