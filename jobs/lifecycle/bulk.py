"""Many requests of one task become rows at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import transaction

from ..models import Job
from .adapting import Adapter
from .recording import first_status, note_uses
from .schedule import turn_of
from .sql import GIVEN, connection, record_many_statement, run

LOT = 1000
Request = tuple[uuid.UUID, str, Sequence[uuid.UUID]]
"""A new job's id, its arguments as JSON text, and the uploads that they refer to."""


def record_many(pattern: Job, many: Iterable[Request]) -> None:
    """Insert jobs that are as the pattern but for their ids and arguments: all of them or none.

    Raises:
        OperationalError: the database cannot take them.
    """
    pattern.status = first_status(pattern)
    db = connection()
    statement = record_many_statement(db.vendor)
    with transaction.atomic(using=db.alias):
        turn = turn_of(pattern)
        for lot in _lots(many):
            run(db, statement, _parameters(pattern, lot, turn, Adapter(db)))
            note_uses((key, upload) for key, _, uploads in lot for upload in uploads)
            turn += len(lot)


def _lots(many: Iterable[Request]) -> Iterator[list[Request]]:
    rest = iter(many)
    while lot := list(islice(rest, LOT)):
        yield lot


def _parameters(pattern: Job, lot: list[Request], turn: int, adapt: Adapter) -> list[Any]:
    given = dict(zip(GIVEN, adapt.given(pattern), strict=True))
    shared = [value for name, value in given.items() if name not in {"id", "args"}]
    rows = (f'["{key.hex}",{args},{place}]' for place, (key, args, _) in enumerate(lot))
    return [*shared, turn, f"[{','.join(rows)}]"]
