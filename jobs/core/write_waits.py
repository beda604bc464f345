"""How many threads of a web server wait while somebody else writes to SQLite.

SQLite has one writer. Where another process holds its lock for long (a backup, a shell, a long
transaction), each request that writes keeps a thread for as long as ``timeout`` says, and with all
threads waiting nobody can read either. So a quarter of the threads wait that long; a thread beyond
those waits for a second, and while the lock has been found taken, not at all.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest

from jobs.errors import Unavailable

from .database_faults import causes
from .db import connection
from .server_threads import max_waiting

IMPATIENT_SECONDS: Final = 1.0
"""How long a thread waits for the lock while as many as may wait longer."""
REMEMBERED_SECONDS: Final = 5.0
"""For how long the lock counts as taken after it was found so, unless somebody writes meanwhile."""
RETRY_SECONDS: Final = 2
LOCKED: Final = "Somebody else writes to the database."


class _Thread(threading.local):
    """What is known of this thread: which request it serves, whether it may wait for long."""

    request: HttpRequest | None = None
    is_counted = False
    met_lock = False
    is_patient = True


class _Waits:
    """The threads that may wait for long, and whether the lock was found taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._patient = 0
        self._locked_until = 0.0

    def enter(self, most: int) -> bool:
        """Return whether the thread may wait for long.

        Raises:
            Unavailable: as many as may already do, and the lock is taken.
        """
        with self._lock:
            if self._patient < most:
                self._patient += 1
                return True
            if self._locked_until and time.monotonic() < self._locked_until:
                raise Unavailable(LOCKED, RETRY_SECONDS)
            return False

    def leave(self, is_patient: bool) -> None:
        with self._lock:
            self._patient -= is_patient

    def note(self, is_locked: bool) -> None:
        self._locked_until = time.monotonic() + REMEMBERED_SECONDS if is_locked else 0.0


_thread = _Thread()
_waits = _Waits()


@contextmanager
def serving(request: HttpRequest) -> Iterator[None]:
    """Note that this thread serves a request during the block: others are not limited."""
    before, _thread.request = _thread.request, request
    try:
        yield
    finally:
        _thread.request = before


def limited_write_waits(*, sets_timeout: bool = True) -> AbstractContextManager[object]:
    """Limit how long the block waits for SQLite's lock, in a thread that serves a request.

    It does nothing on another database, nor inside the caller's transaction. Of blocks within one
    another the outer one limits.

    Args:
        sets_timeout: False where what writes in the block sees to it (``own_lock_timeout``). The
            two statements by six of eight threads took 15 % of a submission's CPU time (1.12 ms
            instead of 0.95).

    Raises:
        Unavailable: as many threads as may are waiting already; it is raised as the block begins.
    """
    request = _thread.request
    if request is None:
        return _NOTHING
    db = connection()
    if db.vendor != "sqlite" or db.in_atomic_block:
        return _NOTHING
    return _NOTING if _thread.is_counted else _limited(request, db, sets_timeout)


@contextmanager
def _limited(request: HttpRequest, db: BaseDatabaseWrapper, sets_timeout: bool) -> Iterator[None]:
    is_patient = _waits.enter(max(1, max_waiting(request)))
    _thread.is_counted, _thread.is_patient, _thread.met_lock = True, is_patient, False
    try:
        with own_lock_timeout(db) if sets_timeout else _NOTHING, _NOTING:
            yield
        if not _thread.met_lock:
            _waits.note(is_locked=False)
    finally:
        _thread.is_counted, _thread.is_patient = False, True
        _waits.leave(is_patient)


class _NotingLocks:
    """Notes whether an error that leaves the block says that the lock is taken."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception):
            note_error(error)


_NOTHING: Final = nullcontext()
_NOTING: Final = _NotingLocks()


def note_error(error: BaseException) -> None:
    """Note that the lock is taken, if that is what an error says. Views that catch one call it."""
    if is_locked(error):
        _thread.met_lock = True
        _waits.note(is_locked=True)


def is_patient() -> bool:
    """Whether this thread may wait for as long as the connection's ``timeout`` says."""
    return _thread.is_patient


def own_lock_timeout(db: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    """Wait for SQLite's lock during the block as long as this thread may."""
    return nullcontext() if _thread.is_patient else lock_timeout(db, IMPATIENT_SECONDS)


@contextmanager
def lock_timeout(db: BaseDatabaseWrapper, seconds: float) -> Iterator[None]:
    """Wait only so long for SQLite's lock during the block; on another database do nothing."""
    if db.vendor != "sqlite":
        yield
        return
    db.ensure_connection()
    raw = db.connection
    _set_timeout(raw, seconds)
    try:
        yield
    finally:
        if db.connection is raw:
            _set_timeout(raw, float(db.settings_dict["OPTIONS"].get("timeout", 5.0)))


def is_locked(error: BaseException) -> bool:
    """Whether the error was raised because somebody else holds SQLite's lock."""
    codes = (getattr(one, "sqlite_errorcode", None) for one in causes(error))
    code = next((code for code in codes if code is not None), None)
    return code is not None and code & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _set_timeout(raw: sqlite3.Connection, seconds: float) -> None:
    raw.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}").fetchall()
