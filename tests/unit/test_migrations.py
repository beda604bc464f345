"""Every migration can be applied while the previous version runs, and leaves it working."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterModelOptions,
    AlterModelTable,
    CreateModel,
    DeleteModel,
    Migration,
    RemoveField,
    RemoveIndex,
    RenameField,
    RenameModel,
    RunPython,
    RunSQL,
)
from django.db.migrations.loader import MigrationLoader

from jobs.core.online_index import AddIndexOnline

AGREED: dict[str, str] = {
    "0002_field_names": "the rule applies from 0.2 on, the first release, which has it"
}
"""Migrations that may do more, and the reason. What is to be removed is removed by the release
after the one that no longer uses it."""


def breaches(migration: Migration) -> Iterator[str]:
    """Yield the operations of a migration that would break a running older version."""
    for operation in migration.operations:
        yield from _breaches_of(operation)
    online = [isinstance(operation, AddIndexOnline) for operation in migration.operations]
    if any(online) and migration.atomic:
        yield "AddIndexOnline needs a migration with atomic = False"
    if not migration.atomic and not all(online):
        yield "a failure leaves half of a migration: only AddIndexOnline may go without atomic"


def _breaches_of(operation: Any) -> Iterator[str]:
    match operation:
        case CreateModel(fields=fields):
            for name, field in fields:
                yield from _foreign(name, field)
        case AddField(name=name, field=field):
            if not (field.null or field.many_to_many or field.has_db_default()):
                yield f"{name}: older code does not name it in its INSERT: null=True or db_default"
            yield from _foreign(name, field)
        case AddIndexOnline() | AlterModelOptions():
            return
        case RunPython(code=RunPython.noop):
            return  # it does something on the way back only
        case AddIndex():
            yield "AddIndex blocks writes on PostgreSQL: use AddIndexOnline"
        case _:
            yield f"{type(operation).__name__} may break a running version, or can't be checked"


def _foreign(name: str, field: Any) -> Iterator[str]:
    ours = field.is_relation and not field.many_to_many and str(_target(field)).startswith("jobs.")
    if ours and field.db_constraint:
        yield f"{name}: older code deletes rows that this refers to: db_constraint=False"


def _target(field: Any) -> str:
    to = field.remote_field.model
    return to.lower() if isinstance(to, str) else str(to._meta.label_lower)


def made(*operations: Any, atomic: bool = True) -> Migration:
    kind: type[Migration] = type("Made", (Migration,), {"operations": operations, "atomic": atomic})
    return kind("0002_made", "jobs")


def test_no_migration_after_the_first_breaks_a_running_version() -> None:
    loader = MigrationLoader(connection, load=False)
    loader.load_disk()
    ours = {name: one for (app, name), one in loader.disk_migrations.items() if app == "jobs"}
    first, *later = sorted(ours)
    assert first == "0001_initial"
    found = {name: list(breaches(ours[name])) for name in later if name not in AGREED}
    assert {name: reasons for name, reasons in found.items() if reasons} == {}


INDEX = models.Index(fields=["colour"], name="jobs_colour")
LINK = models.ForeignKey("jobs.Job", models.CASCADE)


@pytest.mark.parametrize(
    "operation",
    [
        AddField("job", "colour", models.CharField(max_length=9)),
        AddField("job", "colour", models.CharField(max_length=9, default="red")),
        AddField("job", "parent", models.ForeignKey("jobs.Job", models.SET_NULL, null=True)),
        CreateModel("Note", [("id", models.BigAutoField(primary_key=True)), ("job", LINK)]),
        AddIndex("job", INDEX),
        AddConstraint("job", models.UniqueConstraint(fields=["colour"], name="jobs_colour")),
        AlterField("job", "error_message", models.TextField(null=False)),
        AlterModelTable("job", "work"),
        RemoveField("job", "result"),
        RemoveIndex("job", "jobs_waiting"),
        RenameField("job", "result", "answer"),
        RenameModel("Job", "Work"),
        DeleteModel("Token"),
        RunPython(print),
        RunSQL("DROP TABLE jobs_token"),
    ],
    ids=lambda operation: operation.describe(),
)
def test_an_operation_that_breaks_a_running_version_is_reported(operation: Any) -> None:
    assert len(list(breaches(made(operation)))) == 1


def test_an_index_is_added_alone_and_without_a_transaction() -> None:
    online = AddIndexOnline("job", INDEX)
    field = AddField("job", "colour", models.CharField(max_length=9, db_default="red"))
    assert len(list(breaches(made(online)))) == 1
    assert len(list(breaches(made(online, field, atomic=False)))) == 1
    assert list(breaches(made(online, atomic=False))) == []


def test_an_operation_that_a_running_version_does_not_notice_is_allowed() -> None:
    unbound = models.ForeignKey("jobs.Job", models.CASCADE, db_constraint=False)
    migration = made(
        AddField("job", "colour", models.CharField(max_length=9, null=True)),
        AddField("job", "shade", models.CharField(max_length=9, db_default="red")),
        CreateModel("Note", [("id", models.BigAutoField(primary_key=True)), ("job", unbound)]),
        AlterModelOptions("job", {"verbose_name": "work"}),
    )
    assert list(breaches(migration)) == []
