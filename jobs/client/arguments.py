"""What is submitted, as JSON: the arguments, with their files uploaded, and the options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from .effects import Flow
from .site import Site
from .uploads import upload

_AS_TEXT: Final = (UUID, Decimal)


@dataclass(frozen=True, slots=True)
class Options:
    """What a submitter may set beside the arguments; None leaves it to the task.

    Attributes:
        queue: another queue than the task's own.
        priority: -100 to 100, higher first.
        run_after: not before this time; one without a zone is refused by the site.
        max_attempts: failures allowed in all.
        unique_key: at most one unfinished job of the task, owner and key: another gets that job.
        idempotency_key: makes the submission safe to repeat from another process, too. Without it
            each submission makes one of its own, which holds for its own repeats.
    """

    queue: str | None = None
    priority: int | None = None
    run_after: datetime | str | None = None
    max_attempts: int | None = None
    unique_key: str | None = None
    idempotency_key: str | None = None

    def members(self) -> dict[str, Any]:
        """Return the members of a submission that are set."""
        names = ("queue", "priority", "run_after", "max_attempts", "unique_key")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


def submission(task: str, arguments: Mapping[str, Any], options: Options) -> bytes:
    """Return a submission as JSON, on one line.

    Raises:
        TypeError, ValueError: an argument has no form in JSON.
    """
    body = {"task": task, "args": arguments, **options.members()}
    return encoded(body)


def encoded(body: Any) -> bytes:
    """Return JSON on one line.

    Raises:
        TypeError, ValueError: a value has no form in JSON.
    """
    text = json.dumps(body, allow_nan=False, separators=(",", ":"), default=_form)
    return text.encode("ascii")


def _form(value: Any) -> Any:
    if isinstance(value, date | time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return list(value)
    hint = ": give bytes as a file, io.BytesIO(...)" if isinstance(value, bytes) else ""
    raise TypeError(f"A value of the type {type(value).__name__} has no form in JSON{hint}.")


def with_uploads(site: Site, value: Any) -> Flow[Any]:
    """Return arguments in which each file, a path or an open one, is an upload's id."""
    if not _holds_file(value):
        return value
    if isinstance(value, Mapping):
        found = {}
        for name, one in value.items():
            found[name] = yield from with_uploads(site, one)
        return found
    if isinstance(value, list | tuple):
        several = list[Any]()
        for one in value:  # no comprehension: a flow cannot yield in one
            several += [(yield from with_uploads(site, one))]
        return several
    made = yield from upload(site, value)
    return {"upload": made["id"]}


def _holds_file(value: Any) -> bool:
    if isinstance(value, str | int | float | None):
        return False
    if isinstance(value, Mapping):
        return any(map(_holds_file, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_file, value))
    return isinstance(value, Path) or hasattr(value, "read")
