"""Connections to the database that are kept by what works at once, not by each thread.

granian has eight times as many threads as requests that are handled at once, and Django keeps a
connection for each thread that has ever handled one: after 64 requests at the same time a site of
eight kept 64 connections to PostgreSQL, whose usual limit is 100.
"""

from __future__ import annotations

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


class KeptConnections:
    """Lends connections to the requests that are handled now, those that were used last first.

    As a context it must not be entered more often at once than connections are to be kept.
    """

    def __init__(self) -> None:
        self._unused: list[list[BaseDatabaseWrapper]] = []

    def __enter__(self) -> None:
        try:
            lent = self._unused.pop()
        except IndexError:  # more are used now than ever before: Django makes new ones
            return
        for db in lent:
            connections[db.alias] = db

    def __exit__(self, *_: object) -> None:
        used = connections.all(initialized_only=True)
        for db in used:
            if not db.allow_thread_sharing:
                db.inc_thread_sharing()  # used by one thread at a time, not always the same one
            del connections[db.alias]
        self._unused.append(list(used))
