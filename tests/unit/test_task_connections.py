"""A thread's database connections around a task, by the states that drivers report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jobs.consumer import connections as task_connections
from jobs.consumer.connections import TaskConnections
from jobs.errors import TransactionLeftOpen


class Database:
    """A wrapper of Django's, in the state that a test sets."""

    def __init__(self, vendor: str = "sqlite", alias: str = "default") -> None:
        self.vendor, self.alias = vendor, alias
        self.settings_dict = {"AUTOCOMMIT": True}
        self.connection: Any = SimpleNamespace(
            in_transaction=False, info=SimpleNamespace(transaction_status=0)
        )
        self.atomic_blocks: list[Any] = []
        self.calls: list[str] = []
        self.closes = True

    @property
    def in_atomic_block(self) -> bool:
        return bool(self.atomic_blocks)

    def close_if_unusable_or_obsolete(self) -> None:
        self.calls.append("looked")

    def close(self) -> None:
        self.calls.append("closed")
        if not self.closes:
            raise OSError("in whatever state")

    def begin(self) -> None:
        block = SimpleNamespace(__exit__=self._leave)
        self.atomic_blocks.append(block)

    def _leave(self, kind: Any, error: Any, traceback: Any) -> None:
        assert isinstance(error, kind)
        self.calls.append("rolled back")
        self.atomic_blocks.pop()


class Handler:
    """Django's ``connections``, of one thread."""

    def __init__(self, *databases: Database) -> None:
        self.databases = {one.alias: one for one in databases}
        self.broken = False

    def all(self, *, initialized_only: bool = False) -> list[Database]:
        if self.broken and not initialized_only:
            raise ImportError("no driver")
        return list(self.databases.values())

    def __delitem__(self, alias: str) -> None:
        del self.databases[alias]


@pytest.fixture
def db(request: pytest.FixtureRequest) -> Database:
    return Database(getattr(request, "param", "sqlite"))


@pytest.fixture
def handler(db: Database, monkeypatch: pytest.MonkeyPatch) -> Handler:
    made = Handler(db)
    monkeypatch.setattr(task_connections, "connections", made)
    return made


def test_they_are_looked_at_before_and_after(db: Database, handler: Handler) -> None:
    around = TaskConnections()
    assert db.calls == ["looked"]
    around.refuse_open_transactions()
    around.tidy()
    assert db.calls == ["looked", "looked"]
    assert handler.databases == {"default": db}


def in_transaction(db: Database) -> None:
    db.connection.in_transaction = True


def in_error(db: Database) -> None:
    db.connection.info.transaction_status = 3


@pytest.mark.parametrize(
    ("db", "leave"),
    [("sqlite", in_transaction), ("postgresql", in_error), ("mysql", Database.begin)],
    indirect=["db"],
)
def test_a_transaction_that_is_left_open_is_refused_and_its_connection_thrown_away(
    db: Database, handler: Handler, leave: Any
) -> None:
    around = TaskConnections()
    leave(db)
    with pytest.raises(TransactionLeftOpen, match="default"):
        around.refuse_open_transactions()
    db.closes = False
    around.tidy()
    assert db.calls[-1] == "closed"
    assert handler.databases == {}


@pytest.mark.parametrize(
    ("db", "leave"),
    [
        ("postgresql", in_transaction),  # of no meaning there
        ("sqlite", in_error),
        ("mysql", in_transaction),
        ("postgresql", lambda db: setattr(db.connection.info, "transaction_status", 4)),  # lost
    ],
    indirect=["db"],
)
def test_what_says_nothing_of_a_transaction_is_none(
    db: Database, handler: Handler, leave: Any
) -> None:
    around = TaskConnections()
    leave(db)
    around.refuse_open_transactions()
    around.tidy()
    assert db.calls == ["looked", "looked"]


@pytest.mark.parametrize("why", ["no connection", "no autocommit"])
def test_who_never_connected_or_has_no_autocommit_leaves_nothing_open(
    db: Database, handler: Handler, why: str
) -> None:
    around = TaskConnections()
    in_transaction(db)
    if why == "no connection":
        db.connection = None
    else:
        db.settings_dict["AUTOCOMMIT"] = False
    around.refuse_open_transactions()


def test_a_test_runs_tasks_inside_its_own_transaction(db: Database, handler: Handler) -> None:
    db.begin()
    around = TaskConnections()
    assert db.calls == [], "it must not be closed"
    around.refuse_open_transactions()
    around.tidy()
    assert db.calls == []
    db.begin()
    db.begin()
    with pytest.raises(TransactionLeftOpen):
        around.refuse_open_transactions()
    around.tidy()
    assert len(db.atomic_blocks) == 1, "the test's own goes on"
    assert db.calls.count("rolled back") == 2
    assert "closed" not in db.calls


def test_a_database_without_its_driver_harms_only_who_uses_it(
    db: Database, handler: Handler
) -> None:
    handler.broken = True
    TaskConnections().tidy()
    assert db.calls == ["looked", "looked"]
