"""Finding the user of a token, by one statement.

Every request of a program begins here. Django's query API takes three times as long to build
this join as the database takes to answer the whole request.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.db.models import Q

from jobs.core.credentials import Credential, attach, parse_credential
from jobs.core.db import DATABASE_ERRORS, connection, run
from jobs.core.users import is_active, user_with_key, users_are_elsewhere
from jobs.core.write_waits import lock_timeout
from jobs.models import Token
from jobs.models.token import token_digest

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

USE_RECORDED_EVERY: Final = timedelta(hours=1)

# Parameters: what is stale if it is older, and now.
_COLUMNS: Final = """
    token.id, (token.last_used_at IS NULL OR token.last_used_at < %s),
    (token.expires_at IS NOT NULL AND token.expires_at <= %s),
    token.scopes, token.tasks, token.queues
"""
_HOLDER: Final = """
SELECT {user_columns}, {token_columns}
    {more_columns}
FROM jobs_token token JOIN {users} holder ON holder.{key} = token.user_id {join}
WHERE token.digest = %s
"""
_KEY: Final = """
SELECT token.user_id, {token_columns}
    {more_columns}
FROM jobs_token token {join}
WHERE token.digest = %s
"""
USER_FIELDS: Final = frozenset({"is_active", "is_staff", "is_superuser"})
"""What a request reads of its user, beside the key and the name. Django fetches the rest when it is
used."""


@dataclass(frozen=True, slots=True)
class ExtraRead:
    """Something that is read by the same statement as the token.

    Under load each statement costs a server's thread the interpreter's lock, which takes longer
    than the statement itself: on SQLite a second one cost 7 % of all polls with one thread, 9 %
    with four.

    Args:
        columns: what to read, as SQL.
        join: a ``LEFT JOIN`` with at most one row, so that the token is found without it.
        parameters: those of ``join``.
    """

    columns: str
    join: str
    parameters: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Holder:
    """The user of a token, what it can do, and whether its last recorded use is more than an hour
    ago.

    ``extra`` are the columns of the ``ExtraRead``, None when nothing more was read.
    """

    user: AbstractBaseUser
    credential: Credential
    is_stale: bool
    extra: tuple[Any, ...] | None


class ExpiredToken(Exception):
    """The token was valid once."""


def find_holder(text: str, now: datetime, extra: ExtraRead | None = None) -> Holder | None:
    """Return the holder of the token with this text; None for no such token, or an inactive user.

    Args:
        text: the token as it was issued.
        now: decides whether the last recorded use is stale.
        extra: what to read along with the token.

    Raises:
        ExpiredToken: it has expired.
    """
    users: Any = get_user_model()
    db = connection()
    more = ("", "") if extra is None else (f", {extra.columns}", extra.join)
    apart = users_are_elsewhere()
    fields, statement = _statement(users, db.vendor, apart, *more)
    oldest = db.ops.adapt_datetimefield_value(now - USE_RECORDED_EVERY)
    parameters = () if extra is None else extra.parameters
    at = db.ops.adapt_datetimefield_value(now)
    rows = run(db, statement, [oldest, at, *parameters, token_digest(text)])
    for row in rows:
        values = [field.to_python(value) for field, value in zip(fields, row, strict=False)]
        if apart:
            user = user_with_key(values[0])
        else:
            user = users.from_db(db.alias, [field.attname for field in fields], values)
        if is_active(user):
            token_id, is_stale, has_expired, scopes, tasks, queues, *columns = row[len(fields) :]
            if has_expired:
                raise ExpiredToken
            credential = parse_credential(token_id, scopes, tasks, queues)
            attach(user, credential)
            more_read = None if extra is None else tuple(columns)
            return Holder(user, credential, bool(is_stale), more_read)
    return None


@cache
def _statement(
    users: Any, vendor: str, apart: bool, more_columns: str, join: str
) -> tuple[list[Any], str]:
    """The user's fields that are read, and the statement; of users in another database the key."""
    if apart:
        statement = _KEY.format(token_columns=_COLUMNS, more_columns=more_columns, join=join)
        return [users._meta.pk], statement
    quote = connection().ops.quote_name
    fields = [
        field
        for field in users._meta.concrete_fields
        if field.primary_key or field.name in {*USER_FIELDS, users.USERNAME_FIELD}
    ]
    return fields, _HOLDER.format(
        user_columns=", ".join(f"holder.{quote(field.column)}" for field in fields),
        users=quote(users._meta.db_table),
        key=quote(users._meta.pk.column),
        token_columns=_COLUMNS,
        more_columns=more_columns,
        join=join,
    )


def record_use(holder: Holder, now: datetime) -> None:
    """Record that a token is in use, once an hour: otherwise each poll would be a write."""
    if not holder.is_stale:
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_RECORDED_EVERY)
    try:
        # It is no more worth a wait than an error: a reader would wait for a writer.
        with lock_timeout(connection(), 0):
            Token.objects.filter(stale, pk=holder.credential.token_id).update(last_used_at=now)
    except DATABASE_ERRORS:
        # A database that is busy or read-only must not turn a read into an error for a record that
        # can wait.
        return
