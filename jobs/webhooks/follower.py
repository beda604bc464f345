"""Finds endings in the results feed, and inserts a job for each thing that is to be sent of them.

One row says up to which place of the feed that was done (``FollowedEndings``). Its lock is held
while a part of the feed is read, and it moves in the transaction that inserts the jobs. So each
ending is looked at once, whichever of the consumers looks, and whoever is killed when.

The feed is read up to where nothing can be added any more (``feed.clock``), and webhooks are read
after that is known: one that was committed before a job ended is seen with it.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q

from jobs.core.db import Adapter, as_uuid, connection, run, write_transaction
from jobs.core.users import to_key
from jobs.core.uuid7 import uuid7
from jobs.feed.clock import complete_below
from jobs.lifecycle.followers import DELIVERIES, Followed
from jobs.models import EmailRequest, Webhook

from .emails import EMAIL_TASK, email_of
from .events import COLUMNS, EVENT_OF, Ended, ended_event
from .outbox import Delivery, Email, insert_deliveries, insert_emails

DELIVERY_TASK: Final = "jobs.deliver_webhook"
SENDERS: Final = frozenset({DELIVERY_TASK, EMAIL_TASK})
"""The tasks that send: nothing follows from their endings."""
ROWS: Final = 2000
"""So many endings are looked at in one transaction."""
MOST_INSERTED: Final = 1000
"""About so many jobs are inserted in one: it holds SQLite's write lock."""
_NOBODY: Final = uuid.UUID(int=0)

# No parameters. Rows: (position and id up to which endings were looked at; the first position for a
# webhook, for an e-mail, or NULL; whether something waits to be sent; position and id of the newest
# ending, or NULL); none where nobody has ever wanted to be told.
_STATE: Final = f"""
SELECT place.position, place.job_id,
    (SELECT since_position FROM jobs_webhook WHERE enabled ORDER BY since_position LIMIT 1),
    (SELECT since_position FROM jobs_emailrequest ORDER BY since_position LIMIT 1),
    EXISTS (SELECT 1 FROM jobs_job WHERE status = 'queued' AND queue = '{DELIVERIES}'),
    newest.feed_position, newest.id
FROM jobs_followedendings AS place LEFT JOIN (
    SELECT feed_position, id FROM jobs_job WHERE feed_position IS NOT NULL
    ORDER BY feed_position DESC, id DESC LIMIT 1
) AS newest ON TRUE
"""  # noqa: S608
# No parameters. Rows: (position, id), none while somebody else has the lock and ``skip`` is given.
# SQLite has one writer: a transaction that begins by writing has the lock.
_LOCK: Final = {
    "postgresql": "SELECT position, job_id FROM jobs_followedendings FOR UPDATE {skip}",
    "sqlite": "UPDATE jobs_followedendings SET position = position RETURNING position, job_id",
}
# Parameters: position and id to begin after, position to end before.
# Rows: ``Ended``. A job that was retried since keeps its position until it ends again.
_ENDED: Final = f"""
SELECT {COLUMNS} FROM jobs_job
WHERE feed_position IS NOT NULL AND (feed_position, id) > (%s, %s) AND feed_position < %s
ORDER BY feed_position, id LIMIT {ROWS}
"""  # noqa: S608
# Parameters: position and id of the place, and the ids. Rows: ``Ended``.
_TAKEN_BACK: Final = f"""
SELECT {COLUMNS} FROM jobs_job
WHERE (feed_position, id) > (%s, %s) AND id IN ({{ids}}) AND status IN ('failed', 'cancelled')
ORDER BY feed_position, id {{lock}}
"""  # noqa: S608
_MOVE: Final = "UPDATE jobs_followedendings SET position = %s, job_id = %s"


class _State(NamedTuple):
    """A row of ``_STATE``."""

    position: int
    job_id: Any
    first_webhook: int | None
    first_email: int | None
    has_waiting: bool
    newest: int | None
    newest_id: Any

    @property
    def is_active(self) -> bool:
        return self.first_webhook is not None or self.first_email is not None

    @property
    def first(self) -> int:
        """The first position that anybody wants to be told of."""
        return min(one for one in (self.first_webhook, self.first_email) if one is not None)

    @property
    def is_behind(self) -> bool:
        """Whether a job has ended that was not looked at."""
        if self.newest is None:
            return False
        seen = (self.position, as_uuid(self.job_id))
        return (self.newest, as_uuid(self.newest_id)) > max(seen, (self.first, _NOBODY))


def follow() -> Followed:
    """Look at what has ended since the last look; see ``lifecycle.followers.Follower``."""
    db = connection()
    state = _state(db)
    if state is None or not state.is_active:
        return Followed(is_active=state is not None and bool(state.has_waiting))
    if not state.is_behind:
        return Followed(is_active=True)
    # Before the transaction: it may have to wait for others, which must see what it has written.
    bound = complete_below(db)
    with write_transaction():
        found = run(db, _LOCK[db.vendor].format(skip="SKIP LOCKED"), [])
        if not found:  # another process does it
            return Followed(is_active=True)
        place = (int(found[0][0]), as_uuid(found[0][1]))
        # Positions are compared as pairs: all jobs of the first position come after this.
        place = max(place, (state.first, _NOBODY))
        rows = _ended(db, place, bound)
        inserted, last = _insert(rows)
        if last is not None:
            run(db, _MOVE, [last.position, last.id])
    return Followed(
        is_active=True, inserted=inserted, more=last is not None and _is_cut(rows, last)
    )


def keep_endings(job_ids: Sequence[uuid.UUID]) -> None:
    """Insert what follows from endings that are taken back; see ``lifecycle.followers.Follower``.

    The row's lock is taken first, and then those of the jobs: they cannot end, be looked at by
    another process or be queued again in between.
    """
    db = connection()
    state = _state(db)
    if state is None or not state.is_active:
        return
    found = run(db, _LOCK[db.vendor].format(skip=""), [])
    adapt = Adapter(db)
    lock = "FOR UPDATE" if db.features.has_select_for_update else ""
    statement = _TAKEN_BACK.format(ids=", ".join(["%s"] * len(job_ids)), lock=lock)
    rows = run(db, statement, [*found[0], *map(adapt.uuid, job_ids)])
    ended = [row for row in map(Ended._make, rows) if row.position >= state.first]
    insert_what_follows(ended)


def _state(db: BaseDatabaseWrapper) -> _State | None:
    found = run(db, _STATE, [])
    return _State._make(found[0]) if found else None


def _ended(db: BaseDatabaseWrapper, place: tuple[int, uuid.UUID], bound: int) -> list[Ended]:
    parameters = [place[0], Adapter(db).uuid(place[1]), bound]
    return list(map(Ended._make, run(db, _ENDED, parameters)))


def _is_cut(rows: Sequence[Ended], last: Ended) -> bool:
    return len(rows) == ROWS or last is not rows[-1]


def _insert(rows: Sequence[Ended]) -> tuple[int, Ended | None]:
    """Insert what follows from the first of these endings; return how many jobs, and the last."""
    deliveries, emails, last = _following(rows, MOST_INSERTED)
    insert_deliveries(deliveries)
    insert_emails(emails)
    return len(deliveries) + len(emails), last


def insert_what_follows(rows: Sequence[Ended]) -> None:
    """Insert what follows from all of these endings."""
    deliveries, emails, _ = _following(rows, None)
    insert_deliveries(deliveries)
    insert_emails(emails)


def _following(
    rows: Sequence[Ended], most: int | None
) -> tuple[list[Delivery], list[Email], Ended | None]:
    """What is to be sent, and the ending up to which that is; about ``most`` things at most."""
    ended = [row for row in rows if row.status in EVENT_OF and row.task not in SENDERS]
    webhooks = _Webhooks(ended)
    requests = _requests(ended)
    deliveries: list[Delivery] = []
    emails: list[Email] = []
    last = None
    wanted = {id(row) for row in ended}
    for row in rows:
        last = row
        if id(row) not in wanted:
            continue
        deliveries += webhooks.deliveries(row)
        if (request := requests.get(as_uuid(row.id))) is not None:
            emails.append(Email(uuid7(), email_of(row, request)))
        if most is not None and len(deliveries) + len(emails) >= most:
            break
    return deliveries, emails, last


class _Webhooks:
    """The webhooks that want to be told of some of these endings."""

    def __init__(self, rows: Iterable[Ended]) -> None:
        self._keys = {one: to_key(one) for one in {row.owner_id for row in rows}}
        self._of_owner: dict[Any, list[Webhook]] = defaultdict(list)
        self._everyones: list[Webhook] = []
        if not self._keys:
            return
        owners = Q(owner_id__in=[key for key in self._keys.values() if key is not None])
        for one in Webhook.objects.filter(owners | Q(everyone=True), enabled=True).order_by("id"):
            if one.everyone:
                self._everyones.append(one)
            else:
                self._of_owner[one.owner_id].append(one)

    def deliveries(self, row: Ended) -> list[Delivery]:
        """Return what is sent of an ending."""
        owner = self._keys[row.owner_id]
        own = self._of_owner[owner] if owner is not None else []
        return [_delivery(one, row) for one in (*own, *self._everyones) if _wants(one, row)]


def _wants(webhook: Webhook, row: Ended) -> bool:
    return (
        EVENT_OF[row.status] in webhook.events
        and webhook.task in {"", row.task}
        and row.position >= webhook.since_position
    )


def _delivery(webhook: Webhook, row: Ended) -> Delivery:
    key = uuid7()
    return Delivery(webhook, key, key, ended_event(row, key, webhook.site), as_uuid(row.id))


def _requests(rows: Sequence[Ended]) -> dict[uuid.UUID, EmailRequest]:
    ids = [row.id for row in rows if row.owner_id is not None]
    found = EmailRequest.objects.filter(job_id__in=ids) if ids else ()
    return {one.job_id: one for one in found}
