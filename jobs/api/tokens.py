"""The user of a token, by one statement.

Every request of a program begins here. Django's query API takes three times as long to build
this join as the database takes to answer the whole request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.db.models import Q

from jobs.lifecycle.sql import connection
from jobs.models import Token
from jobs.models.token import token_digest

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

USE_NOTED_EVERY: Final = timedelta(hours=1)

_HOLDER: Final = """
SELECT holder.*, token.id AS jobs_token,
    (token.last_used_at IS NULL OR token.last_used_at < %s) AS jobs_token_stale
FROM jobs_token token JOIN {users} holder ON holder.{key} = token.user_id WHERE token.digest = %s
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token it is, and whether its last use was written down more than an hour ago."""

    user: AbstractBaseUser
    token_id: int
    is_stale: bool


def find_holder(text: str, now: datetime) -> Holder | None:
    """Return who holds the token with this text; None for no such token or an inactive user."""
    users: Any = get_user_model()
    db = connection()
    name = db.ops.quote_name
    sql = _HOLDER.format(users=name(users._meta.db_table), key=name(users._meta.pk.column))
    oldest = db.ops.adapt_datetimefield_value(now - USE_NOTED_EVERY)
    for user in users._default_manager.using(db.alias).raw(sql, [oldest, token_digest(text)]):
        if user.is_active:
            return Holder(user, user.jobs_token, bool(user.jobs_token_stale))
    return None


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
