"""Telling consumers of jobs that came to wait by another way than being handed in."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import partial

from django.db import transaction

from .. import brokers
from .sql import connection


def ring_after_commit(found: Iterable[tuple[str, uuid.UUID]]) -> None:
    """Once this transaction is committed, announce jobs by their queue and id."""
    lot = list(found)
    if lot:
        transaction.on_commit(partial(brokers.announce_all, lot), using=connection().alias)
