"""The user of a token, by one statement.

Every request of a program begins here. Django's query API takes three times as long to build
this join as the database takes to answer the whole request.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.db.models import Q

from jobs.core.db import Adapter, connection, run
from jobs.models import Token
from jobs.models.token import token_digest

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

USE_NOTED_EVERY: Final = timedelta(hours=1)

_HOLDER: Final = """
SELECT {columns}, token.id, (token.last_used_at IS NULL OR token.last_used_at < %s),
    job.owner_id, job.version, job.status
FROM jobs_token token JOIN {users} holder ON holder.{key} = token.user_id
    LEFT JOIN jobs_job job ON job.id = %s
WHERE token.digest = %s
"""
ASKED: Final = frozenset({"is_active", "is_staff", "is_superuser"})
"""What a request asks of its user, beside the key. Django reads the rest when something does."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token it is, and whether its last use was written down more than an hour ago.

    ``job`` is the owner, version and status of the job that was asked for along with it.
    """

    user: AbstractBaseUser
    token_id: int
    is_stale: bool
    job: tuple[Any, int, str] | None


def find_holder(text: str, now: datetime, job: uuid.UUID | None = None) -> Holder | None:
    """Return who holds the token with this text; None for no such token or an inactive user.

    With a ``job``, a look at it comes along: under load each statement costs a server's thread
    its turn, which takes longer than the statement.
    """
    users: Any = get_user_model()
    db = connection()
    columns, statement = _question(users, db.vendor)
    oldest = db.ops.adapt_datetimefield_value(now - USE_NOTED_EVERY)
    asked = None if job is None else Adapter(db).uuid(job)
    rows = run(db, statement, [oldest, asked, token_digest(text)])
    for *values, token_id, stale, owner, version, status in rows:
        told = [field.to_python(value) for field, value in zip(columns, values, strict=True)]
        user = users.from_db(db.alias, [field.attname for field in columns], told)
        if user.is_active:
            seen = None if version is None else (owner, version, status)
            return Holder(user, token_id, bool(stale), seen)
    return None


@cache
def _question(users: Any, vendor: str) -> tuple[list[Any], str]:
    """The columns that are asked for, and the statement."""
    fields = users._meta.concrete_fields
    asked = [field for field in fields if field.primary_key or field.name in ASKED]
    quote = connection().ops.quote_name
    columns = ", ".join(f"holder.{quote(field.column)}" for field in asked)
    table, key = quote(users._meta.db_table), quote(users._meta.pk.column)
    return asked, _HOLDER.format(columns=columns, users=table, key=key)


def note_use(holder: Holder, now: datetime) -> None:
    """Write down that a token is in use, once an hour: each poll would else be a write."""
    if not holder.is_stale:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
    try:
        Token.objects.filter(stale, pk=holder.token_id).update(last_used_at=now)
    except OperationalError:
        # A busy database must not turn a read into an error for a note that can wait.
        return
