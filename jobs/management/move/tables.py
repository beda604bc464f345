"""The tables of a database, found by the models: what a row is made of, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.models.functions import Cast

Row = tuple[Any, ...]
if TYPE_CHECKING:
    AnyField = models.Field[Any, Any]
else:
    AnyField = models.Field  # generic for type checkers only


@dataclass(frozen=True)
class Table:
    """One table and the model that describes it."""

    model: type[models.Model]

    @property
    def name(self) -> str:
        """The table's name in the database."""
        return self.model._meta.db_table

    @cached_property
    def fields(self) -> list[AnyField]:
        """The columns that are copied: not those that the database computes.

        A model that inherits from another with a table has a part of each row only.
        """
        local = self.model._meta.local_concrete_fields
        return [field for field in local if not getattr(field, "generated", False)]

    @cached_property
    def _key(self) -> list[AnyField]:
        return list(self.model._meta.pk_fields)

    def rows(self, alias: str) -> models.QuerySet[Any]:
        """All rows; a model's managers, which may hide some, are not asked."""
        return models.QuerySet(self.model, using=alias)

    def chunk(self, alias: str, after: str | None, limit: int) -> list[Row]:
        """Read the rows that follow a key, in the order of the keys.

        Args:
            alias: the database.
            after: a key as ``key_text`` writes it; None for the first rows.
            limit: how many rows.
        """
        rows = self.rows(alias).order_by("pk")
        if after is not None:
            rows = rows.filter(pk__gt=self._key_value(after))
        return self._values(rows[:limit])

    def newest(self, alias: str, limit: int) -> list[Row]:
        """Read the last rows in the order of the keys."""
        return self._values(self.rows(alias).order_by("-pk")[:limit])

    def same(self, alias: str, rows: Sequence[Row]) -> list[Row]:
        """Read the rows that have the keys of these."""
        keys = [self.key(row) for row in rows]
        return self._values(self.rows(alias).filter(pk__in=keys).order_by())

    def key(self, row: Row) -> Any:
        """The primary key of a row; a tuple where it has several columns."""
        values = tuple(row[position] for position in self._key_positions)
        return values if len(values) > 1 else values[0]

    def key_text(self, row: Row) -> str:
        """The primary key of a row as text, by which ``chunk`` goes on in another process."""
        values = [row[position] for position in self._key_positions]
        return json.dumps(
            [
                field.value_to_string(SimpleNamespace(**{field.attname: value}))  # type: ignore[arg-type]
                for field, value in zip(self._key, values, strict=True)
            ]
        )

    def _key_value(self, text: str) -> Any:
        values = tuple(
            field.to_python(one) for field, one in zip(self._key, json.loads(text), strict=True)
        )
        return values if len(values) > 1 else values[0]

    @cached_property
    def _key_positions(self) -> list[int]:
        names = [field.attname for field in self.fields]
        return [names.index(field.attname) for field in self._key]

    def _values(self, rows: models.QuerySet[Any]) -> list[Row]:
        return list(rows.values_list(*(_read(field) for field in self.fields)))


def is_json(field: AnyField) -> bool:
    """Whether a column is copied as JSON text.

    Read as a value, JSON's null and SQL's NULL are both None.
    """
    return isinstance(field, models.JSONField)


def _read(field: AnyField) -> Any:
    return Cast(field.attname, models.TextField()) if is_json(field) else field.attname


def tables_of(alias: str) -> list[Table]:
    """Return the tables of the installed apps that are in a database.

    That of applied migrations is the last: until it is filled, the new database is not migrated and
    no site accepts anything into it.
    """
    found = {
        model._meta.db_table: Table(model)
        for app in apps.get_app_configs()
        for model in app.get_models(include_auto_created=True)
        if model._meta.managed
        and not model._meta.proxy
        and router.allow_migrate_model(alias, model)
    }
    return [*found.values(), Table(MigrationRecorder.Migration)]


def labels_of(tables: Sequence[Table]) -> list[str]:
    """The labels of the apps that the tables belong to."""
    return sorted({table.model._meta.app_label for table in tables[:-1]})


def unknown_tables(db: BaseDatabaseWrapper, tables: Sequence[Table]) -> Iterator[str]:
    """The tables that no model describes, so that they are not copied."""
    known = {table.name for table in tables}
    for name in sorted(db.introspection.table_names()):
        if name not in known and name != "jobdesk_move":
            yield name
