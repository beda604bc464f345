"""A task commits; the transaction of a test must not.

A consumer runs a task in autocommit mode. Inside a ``TestCase`` everything is in one transaction
that is rolled back at the end: there a failed statement ends all of it on PostgreSQL, a caught
``IntegrityError`` makes Django refuse the next query, and ``on_commit`` never comes. So an attempt
sees a connection in autocommit mode whose transactions are savepoints of the test's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.errors import TransactionLeftOpen

_STATE: Final = (
    "autocommit",
    "in_atomic_block",
    "savepoint_ids",
    "atomic_blocks",
    "run_on_commit",
    "needs_rollback",
    "commit_on_exit",
    "run_commit_hooks_on_set_autocommit_on",
)
"""What Django notes of a connection's transaction."""
_names = count(1)


@contextmanager
def autocommit() -> Iterator[None]:
    """Run the block in autocommit mode, on each connection of this thread.

    Raises:
        TransactionLeftOpen: the block left a transaction open; it is rolled back.
    """
    with ExitStack() as stack:
        # A test may use several databases. One that was never used has no transaction.
        for db in connections.all(initialized_only=True):
            if db.in_atomic_block or "_commit" in vars(db):
                stack.enter_context(_Savepoints(db))
        try:
            yield
        finally:
            left_open = [db for db in connections.all(initialized_only=True) if _is_open(db)]
            for db in left_open:
                _roll_back(db)
        if left_open:
            raise TransactionLeftOpen([db.alias for db in left_open])


def _is_open(db: BaseDatabaseWrapper) -> bool:
    if db.connection is None:
        return False
    return db.in_atomic_block or (db.settings_dict["AUTOCOMMIT"] and not db.autocommit)


def _roll_back(db: BaseDatabaseWrapper) -> None:
    db.in_atomic_block = False
    db.savepoint_ids, db.atomic_blocks = [], []
    db.needs_rollback = False
    db.rollback()
    db.set_autocommit(True)


class _Savepoints:
    """Replaces what a connection does to begin, commit and roll back, by savepoints."""

    def __init__(self, db: BaseDatabaseWrapper) -> None:
        self._db: Any = db
        self._open: str | None = None
        self._sends_own = False
        self._replaced: dict[str, Callable[..., Any]] = {
            "_set_autocommit": self._set_autocommit,
            "_start_transaction_under_autocommit": self._begin,
            "_commit": self._commit,
            "_rollback": self._rollback,
            # A task may close its connection, but not the one that has the test's transaction.
            "close": lambda: None,
            "close_if_unusable_or_obsolete": lambda: None,
        }

    def __enter__(self) -> None:
        db, own = self._db, vars(self._db)
        self._state = {name: getattr(db, name) for name in _STATE}
        self._methods = {name: own.get(name) for name in self._replaced}
        db.autocommit, db.in_atomic_block, db.needs_rollback = True, False, False
        db.savepoint_ids, db.atomic_blocks, db.run_on_commit = [], [], []
        for name, function in self._replaced.items():
            if hasattr(db, name):
                setattr(db, name, function)
        # A task may run another (``EagerBackend``): one of us at a time sends savepoints.
        self._wrappers = db.execute_wrappers
        others = [one for one in self._wrappers if not isinstance(_owner(one), _Savepoints)]
        db.execute_wrappers = [*others, self._execute]

    def __exit__(self, *_: object) -> None:
        db = self._db
        db.execute_wrappers = self._wrappers
        for name, method in self._methods.items():
            vars(db).pop(name, None)
            if method is not None:
                setattr(db, name, method)
        for name, value in self._state.items():
            setattr(db, name, value)

    def _begin(self) -> None:
        self._open = f"jobs_{next(_names)}"
        self._send(f"SAVEPOINT {self._open}")

    def _commit(self) -> None:
        if self._open is not None:
            self._send(f"RELEASE SAVEPOINT {self._open}")
            self._open = None

    def _rollback(self) -> None:
        if self._open is not None:
            self._send(f"ROLLBACK TO SAVEPOINT {self._open}")
            self._commit()

    def _set_autocommit(self, autocommit: bool) -> None:
        if not autocommit:
            self._begin()

    def _send(self, statement: str) -> None:
        self._sends_own = True
        try:
            with self._db.cursor() as cursor:
                cursor.execute(statement)
        finally:
            self._sends_own = False

    def _execute(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Execute a statement; outside a transaction of the task's it is one of its own.

        SQLite undoes a failed statement and goes on; PostgreSQL ends the transaction.
        """
        db = self._db
        if self._sends_own or db.in_atomic_block or db.vendor == "sqlite":
            return execute(sql, params, many, context)
        self._begin()
        try:
            result = execute(sql, params, many, context)
        except BaseException:
            self._rollback()
            raise
        self._commit()
        return result


def _owner(wrapper: object) -> object:
    return getattr(wrapper, "__self__", None)
