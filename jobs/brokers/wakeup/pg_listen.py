"""How an idle consumer notices a commit on PostgreSQL: ``LISTEN``, and ``NOTIFY`` after the commit.

The NOTIFY is not inside the job's transaction: there it takes a lock of the whole server until the
commit has reached the disk, so that jobs are inserted one by one. Measured with eight threads of
one process that submit without pause (PostgreSQL 15, fsync on, two cores, two rounds): 791-899 jobs
a second without any NOTIFY, 672-748 with one after the commit, 613-615 with INSERT and NOTIFY in
one statement. A transaction around the two costs its round trips besides: 459-518 with BEGIN,
INSERT, NOTIFY, COMMIT, 532-546 with SELECT 1 in the place of NOTIFY. One job's NOTIFY travels in
the message of its INSERT, as a transaction behind the other (``lifecycle.insert_and_notify``).
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
import uuid
from collections.abc import Collection
from typing import Any, Final

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.brokers.base import Listener
from jobs.core.pooler import is_behind_pooler

from .listener import TIMED_SECONDS, TimedListener

logger = logging.getLogger("jobs")

CHANNEL: Final = "jobdesk"
RECONNECT_SECONDS: Final = 0.5
PROBE_SECONDS: Final = 1.0
"""In which a notification arrives, or else never: it takes a millisecond on a quiet machine."""
NOTIFY: Final = f"SELECT pg_notify('{CHANNEL}', %s)"


def notify(db: BaseDatabaseWrapper, queue: str) -> None:
    """Notify all that listen. If the database is away by now, they find the job by polling."""
    try:
        with db.cursor() as cursor:
            cursor.execute(NOTIFY, [queue])
    except DatabaseError as error:
        logger.warning("The database could not tell the consumers of a job: %s", error)


def pg_listener(alias: str) -> Listener:
    """Return the best listener for a PostgreSQL database."""
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return PgListener(alias) if is_psycopg3 else TimedListener()


class PgListener:
    """Listens on a connection of its own, which is made anew after the server was restarted.

    A pooler that lends a connection for one transaction (pgbouncer's mode ``transaction``) passes
    no notification on. Then this reports a change every 0.2 s, as ``TimedListener`` does.
    """

    queues: Collection[str] | None = None

    def __init__(self, alias: str) -> None:
        self._db = connections.create_connection(alias)
        self._db.inc_thread_sharing()  # made on one thread, used on the listening one
        self._alias = alias
        self._is_deaf = False
        self._closed = threading.Event()
        self._listening = threading.Lock()
        # A pair of sockets, because Windows cannot select on a pipe.
        self._wake_out, self._wake_in = socket.socketpair()

    def wait(self, timeout: float) -> bool:
        """Wait for a NOTIFY. A new connection counts as one: a NOTIFY may have been missed."""
        with self._listening:
            return not self._closed.is_set() and self._wait_until(time.monotonic() + timeout)

    def _wait_until(self, end: float) -> bool:
        if self._is_deaf:
            return not self._closed.wait(max(0.0, min(TIMED_SECONDS, end - time.monotonic())))
        try:
            if self._db.connection is None:
                self._connect()
                self.queues = None
                return True
            # The driver's own errors too, such as that of a connection that has just been lost.
            with self._db.wrap_database_errors:
                return self._wait_on(self._db.connection, end)
        except (DatabaseError, OSError):
            self._drop_connection()
            self._closed.wait(max(0.0, min(RECONNECT_SECONDS, end - time.monotonic())))
            return False

    def _connect(self) -> None:
        self._db.connect()
        self._db.set_autocommit(True)
        with self._db.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        if is_behind_pooler(self._db) and not self._hears():
            self._is_deaf = True
            with self._db.cursor() as cursor:
                cursor.execute("UNLISTEN *")  # the server's connection goes to others
            self._drop_connection()
            logger.warning(
                "A pooler before PostgreSQL passes no notifications on: new jobs are noticed every "
                "%g s.",
                TIMED_SECONDS,
            )

    def _hears(self) -> bool:
        """Whether a notification that another connection sends arrives here."""
        other = connections.create_connection(self._alias)
        payload = f"probe {uuid.uuid4()}"  # no queue has this name: other listeners ignore it
        try:
            with other.cursor() as cursor:
                cursor.execute(NOTIFY, [payload])
            end = time.monotonic() + PROBE_SECONDS
            while (left := end - time.monotonic()) > 0 and not self._closed.is_set():
                found = self._db.connection.notifies(timeout=left, stop_after=1)
                if any(notification.payload == payload for notification in found):
                    return True
        finally:
            other.close()
        return False

    def _wait_on(self, connection: Any, end: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._wake_out, selectors.EVENT_READ)
            while not self._closed.is_set():
                ready = selector.select(max(0.0, end - time.monotonic()))
                if self._closed.is_set():
                    break
                if not ready:
                    # Finds out that the server has gone without closing the connection.
                    self._ping()
                    return False
                if self._read(connection):
                    return True
        return False

    def _read(self, connection: Any) -> bool:
        self.queues = {notification.payload for notification in connection.notifies(timeout=0)}
        return bool(self.queues)

    def _ping(self) -> None:
        with self._db.cursor() as cursor:
            cursor.execute("SELECT 1")

    def _drop_connection(self) -> None:
        with contextlib.suppress(DatabaseError, OSError):
            self._db.close()
        self._db.connection = None

    def close(self) -> None:
        """End a running ``wait``, then close the connection and the sockets."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._wake_in.send(b"x")
        with self._listening:
            self._drop_connection()
            self._wake_in.close()
            self._wake_out.close()
