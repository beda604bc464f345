"""What a list of jobs is filtered by, as conditions in SQL."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from jobs.core.credentials import Credential
from jobs.core.db import Adapter
from jobs.core.states import Status
from jobs.core.times import aware
from jobs.core.uuid7 import first_uuid7
from jobs.queries.job_search import Search

ID_MARGIN: Final = timedelta(minutes=10)
"""An id is made a little before its job is recorded, and by a producer whose clock may be off by
``ingest.CLOCK_SKEW``: so far apart the two times can be."""
ARGUMENT_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")
_CONSTANTS: Final = {"true": True, "false": False, "null": None}


class Sql(NamedTuple):
    """A condition with ``%s`` for each of its parameters, as the driver takes them."""

    text: str
    parameters: tuple[Any, ...] = ()


def both(conditions: Collection[Sql]) -> Sql:
    """Return the condition that all of these hold; of none, one that always holds."""
    if not conditions:
        return Sql("TRUE")
    text = " AND ".join(one.text for one in conditions)
    return Sql(text, tuple(value for one in conditions for value in one.parameters))


class Span(NamedTuple):
    """A span of time, its beginning included and its end not; None leaves it open."""

    since: datetime | None = None
    until: datetime | None = None


OPEN: Final = Span()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """What the jobs of a list have in common; what is empty filters nothing.

    Args:
        owner: the key of their owner.
        search: what was searched for.
        created, finished: times of the project's own kind (``core.times``).
        arguments: the text of a value by the name of the argument: what is text is equal to it,
            what is a number, a boolean or null is what it says as JSON.
        limits: a token that is limited to some jobs.
    """

    owner: Any = None
    task: str = ""
    queue: str = ""
    statuses: frozenset[Status] = frozenset()
    error_type: str = ""
    search: Search | None = None
    created: Span = OPEN
    finished: Span = OPEN
    arguments: Mapping[str, str] = field(default_factory=dict)
    limits: Credential | None = None

    def conditions(self, db: BaseDatabaseWrapper) -> dict[str, Sql]:
        """Return the conditions by name."""
        adapt = Adapter(db)
        found: dict[str, Sql] = {}
        if self.owner is not None:
            found["owner"] = Sql("owner_id = %s", (adapt.key(self.owner),))
        columns = {"task": self.task, "queue": self.queue, "error_type": self.error_type}
        for name, value in columns.items():
            if value:
                found[name] = Sql(f"{name} = %s", (value,))
        if self.limits is not None:
            found |= _within(self.limits)
        if self.statuses:
            names = ", ".join(f"'{status.value}'" for status in sorted(self.statuses))
            found["status"] = Sql(f"status IN ({names})")
        if self.search is not None:
            found["search"] = _search(self.search, adapt)
        if any(self.created):
            found["created"] = both(_span("created_at", self.created, adapt))
        if any(self.finished):
            found["finished"] = both(_span("finished_at", self.finished, adapt))
        for name, text in self.arguments.items():
            found[f"arg.{name}"] = _argument(db.vendor, name, text)
        return found

    def id_span(self) -> tuple[uuid.UUID | None, uuid.UUID | None]:
        """Return between which ids they are: an id holds the time when it was made."""
        since, until = self.created
        return (
            None if since is None else _id_at(since - ID_MARGIN),
            None if until is None else _id_at(until + ID_MARGIN),
        )


def _within(limits: Credential) -> dict[str, Sql]:
    found = {}
    for column, names in (("task", limits.tasks), ("queue", limits.queues)):
        if names is not None:
            marks = ", ".join(["%s"] * len(names))
            found[f"allowed {column}"] = Sql(f"{column} IN ({marks})", tuple(sorted(names)))
    return found


def _id_at(moment: datetime) -> uuid.UUID:
    return first_uuid7(max(0.0, aware(moment).timestamp()))


def _span(column: str, span: Span, adapt: Adapter) -> list[Sql]:
    ends = ((">=", span.since), ("<", span.until))
    return [Sql(f"{column} {sign} %s", (adapt.time(end),)) for sign, end in ends if end is not None]


def _search(search: Search, adapt: Adapter) -> Sql:
    parts: list[Sql] = []
    if search.ids is not None:
        parts.append(Sql("id BETWEEN %s AND %s", tuple(map(adapt.uuid, search.ids))))
    if search.tasks:
        marks = ", ".join(["%s"] * len(search.tasks))
        parts.append(Sql(f"task IN ({marks})", tuple(search.tasks)))
    if not parts:
        return Sql("FALSE")
    values = tuple(value for part in parts for value in part.parameters)
    return Sql(f"({' OR '.join(part.text for part in parts)})", values)


def _argument(vendor: str, name: str, text: str) -> Sql:
    """The same on both databases: numbers by their value, whatever way they are written."""
    if not ARGUMENT_NAME.fullmatch(name):
        raise ValueError(name)
    values = [text, *_as_json(text)]
    if vendor == "postgresql":
        marks = ", ".join(["%s::jsonb"] * len(values))
        return Sql(f"kwargs -> %s::text IN ({marks})", (name, *map(json.dumps, values)))
    path = f'$."{name}"'
    parts = [_sqlite_value(path, value) for value in values]
    parameters = tuple(value for part in parts for value in part.parameters)
    return Sql(f"({' OR '.join(part.text for part in parts)})", parameters)


def _sqlite_value(path: str, value: Any) -> Sql:
    if value is None or isinstance(value, bool):
        return Sql("json_type(kwargs, %s) = %s", (path, json.dumps(value)))
    types = "'text'" if isinstance(value, str) else "'integer', 'real'"
    text = f"(json_type(kwargs, %s) IN ({types}) AND json_extract(kwargs, %s) = %s)"
    return Sql(text, (path, path, value))


def _as_json(text: str) -> list[Any]:
    """The number or the constant of JSON that a text is, if it is one."""
    if text in _CONSTANTS:
        return [_CONSTANTS[text]]
    if _WHOLE.fullmatch(text):
        return [int(text)]
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return [float(text)]
    return []
