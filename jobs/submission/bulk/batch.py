"""One batch: jobs that are there already are found, the others inserted as far as there is room."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.compat import has_receivers, task_enqueued
from jobs.core.db import connection
from jobs.errors import IdempotencyConflict, JobsError, LimitReached, Unavailable
from jobs.lifecycle import JobKeys, NewJob
from jobs.models import Job
from jobs.submission.backlog import refusal, take_room
from jobs.submission.database_errors import AWAY, operational_errors_as_unavailable
from jobs.submission.limits import limits_of
from jobs.submission.signals import send_task_enqueued

from .prepare import PreparedJob

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_TRIES: Final = 5


class Created(NamedTuple):
    """The id of a job, and whether it was inserted now."""

    id: uuid.UUID
    created: bool


Outcome = Created | JobsError


def insert_batch(
    many: Sequence[PreparedJob],
    owner: AbstractBaseUser | None,
    *,
    enforce_limits: bool,
    all_or_none: bool = False,
) -> list[Outcome]:
    """Insert jobs in one transaction, in their order, up to the first for which there is no room.

    Args:
        many: a thousand or so; more hold SQLite's write lock for longer than others like to wait.
        owner: whose jobs they are.
        enforce_limits: whether the limits of their queues and of the owner hold.
        all_or_none: insert none of them where one cannot be.

    Returns:
        for each job what became of it, up to the first for which there was no room: that one's
        outcome is the last, and a ``LimitReached``.

    Raises:
        Unavailable: the database cannot take them now; none was inserted.
        LimitReached, IdempotencyConflict: with ``all_or_none``; none was inserted.
    """
    db = connection()
    whole = transaction.atomic(using=db.alias) if all_or_none else nullcontext()
    with operational_errors_as_unavailable(), whole:
        outcomes = _existing(many, owner)
        new = [job for job in many if job.new.id not in outcomes]
        refused: LimitReached | None = None
        if enforce_limits:
            new, refused = _with_room(new, owner)
        if all_or_none and refused is not None:
            raise refused
        outcomes |= _insert(new, owner)
        if all_or_none:
            _raise_first_error(outcomes.values())
    _send_signals([job for job in new if outcomes[job.new.id] == Created(job.new.id, True)])
    return _in_order(many, outcomes, refused)


def _raise_first_error(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, JobsError):
            raise outcome


def _in_order(
    many: Sequence[PreparedJob], outcomes: dict[uuid.UUID, Outcome], refused: LimitReached | None
) -> list[Outcome]:
    told: list[Outcome] = []
    for job in many:
        outcome = outcomes.get(job.new.id, refused)
        if outcome is not None:
            told.append(outcome)
        if job.new.id not in outcomes:
            break
    return told


def _with_room(
    new: list[PreparedJob], owner: AbstractBaseUser | None
) -> tuple[list[PreparedJob], LimitReached | None]:
    """Return the first of them for which there is room, and why there is none for the next."""
    wanted = Counter(job.template.job.queue for job in new)
    left: dict[str, int] = {}
    refusals: dict[str, LimitReached] = {}
    for queue, count in wanted.items():
        limits = limits_of(queue, owner)
        left[queue], states = take_room(limits, count)
        if left[queue] < count:
            refusals[queue] = refusal(limits, states)
    for number, job in enumerate(new):
        queue = job.template.job.queue
        if not left[queue]:
            return new[:number], refusals[queue]
        left[queue] -= 1
    return new, None


def _insert(new: Sequence[PreparedJob], owner: AbstractBaseUser | None) -> dict[uuid.UUID, Outcome]:
    outcomes: dict[uuid.UUID, Outcome] = {}
    rest = list(new)
    for _ in range(MOST_TRIES):
        if not rest:
            return outcomes
        taken = lifecycle.insert_groups(_groups(rest))
        outcomes |= {
            job.new.id: Created(job.new.id, created=True) for job in rest if job.new.id not in taken
        }
        # Theirs were taken within this batch, or by somebody else meanwhile. A job that is not
        # there any more has finished in between: then there is room for another one.
        rest = [job for job in rest if job.new.id in taken]
        outcomes |= _existing(rest, owner)
        rest = [job for job in rest if job.new.id not in outcomes]
    if rest:
        raise Unavailable(AWAY, 1)
    return outcomes


def _groups(jobs: Iterable[PreparedJob]) -> list[tuple[Job, list[NewJob]]]:
    now = timezone.now()
    found: dict[int, tuple[Job, list[NewJob]]] = {}
    for job in jobs:
        template = job.template.job
        if id(template) not in found:
            template.created_at = now
            found[id(template)] = (template, [])
        found[id(template)][1].append(job.new)
    return list(found.values())


def _existing(
    many: Sequence[PreparedJob], owner: AbstractBaseUser | None
) -> dict[uuid.UUID, Outcome]:
    """Return the outcomes of those whose job is there already, by the id they would have got."""
    keyed = {job.new.id: job.new.keys for job in many if job.new.keys is not None}
    if not keyed:
        return {}
    by_slot = _by_slot({keys.unique_slot for keys in keyed.values() if keys.unique_slot})
    by_key = _by_key({keys.idempotency_key for keys in keyed.values()} - {None}, owner)
    found = {own: _same(keys, by_key, by_slot) for own, keys in keyed.items()}
    return {own: outcome for own, outcome in found.items() if outcome is not None}


def _same(
    keys: JobKeys, by_key: dict[str, tuple[uuid.UUID, str]], by_slot: dict[str, uuid.UUID]
) -> Outcome | None:
    if keys.idempotency_key in by_key:
        job_id, digest = by_key[keys.idempotency_key]
        if digest != keys.idempotency_digest:
            return IdempotencyConflict(digest, keys.idempotency_digest)
        return Created(job_id, created=False)
    if keys.unique_slot in by_slot:
        return Created(by_slot[keys.unique_slot], created=False)
    return None


def _by_slot(slots: set[str]) -> dict[str, uuid.UUID]:
    if not slots:
        return {}
    rows = Job.objects.in_slots(slots).order_by()
    return {str(slot): key for slot, key in rows.values_list("unique_slot", "pk")}


def _by_key(
    keys: set[str | None], owner: AbstractBaseUser | None
) -> dict[str, tuple[uuid.UUID, str]]:
    if not keys or owner is None:
        return {}
    rows = Job.objects.filter(owner_id=owner.pk, idempotency_key__in=keys).order_by()
    found = rows.values_list("idempotency_key", "pk", "idempotency_digest")
    return {str(key): (job_id, digest) for key, job_id, digest in found}


def _send_signals(created: Sequence[PreparedJob]) -> None:
    if not created or not has_receivers(task_enqueued, logging.DEBUG):
        return
    for job in created:
        task, template = job.template
        template.id, template.kwargs = job.new.id, job.stored
        send_task_enqueued(template, task)
