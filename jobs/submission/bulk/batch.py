"""One batch: jobs that are there already are found, the others inserted as far as there is room."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.utils import timezone

from jobs import lifecycle
from jobs.compat import has_receivers, task_enqueued
from jobs.core.db import connection
from jobs.core.uuid7 import uuid7s
from jobs.errors import JobsError, LimitReached, Unavailable
from jobs.lifecycle import NewJob
from jobs.models import Job
from jobs.submission.backlog import refusal, take_room
from jobs.submission.database_errors import AWAY, operational_errors_as_unavailable
from jobs.submission.limits import limits_of
from jobs.submission.signals import send_task_enqueued

from .existing import Created, Outcome, existing_jobs
from .prepare import PreparedJob

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

MOST_TRIES: Final = 5


def insert_batch(
    many: Sequence[PreparedJob],
    owner: AbstractBaseUser | None,
    *,
    enforce_limits: bool,
    all_or_none: bool = False,
) -> list[Outcome]:
    """Insert jobs in one transaction, in their order, up to the first for which there is no room.

    Args:
        many: some hundreds; more hold SQLite's write lock for longer than others like to wait.
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
        outcomes = existing_jobs(many, range(len(many)), owner)
        new = [number for number in range(len(many)) if number not in outcomes]
        refused: LimitReached | None = None
        if enforce_limits:
            new, refused = _with_room(many, new, owner)
        if all_or_none and refused is not None:
            raise refused
        _insert(many, new, owner, outcomes)
        if all_or_none:
            _raise_first_error(outcomes.values())
    _send_signals(many, new, outcomes)
    return _in_order(len(many), outcomes, refused)


def _raise_first_error(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, JobsError):
            raise outcome


def _in_order(
    count: int, outcomes: dict[int, Outcome], refused: LimitReached | None
) -> list[Outcome]:
    if refused is None:
        return [outcomes[number] for number in range(count)]
    told: list[Outcome] = []
    for number in range(count):
        told.append(outcomes.get(number, refused))
        if number not in outcomes:
            break
    return told


def _with_room(
    many: Sequence[PreparedJob], new: list[int], owner: AbstractBaseUser | None
) -> tuple[list[int], LimitReached | None]:
    """Return the first of them for which there is room, and why there is none for the next."""
    wanted = Counter([many[number].template.queue for number in new])
    left: dict[str, int] = {}
    refusals: dict[str, LimitReached] = {}
    for queue, count in wanted.items():
        limits = limits_of(queue, owner)
        left[queue], states = take_room(limits, count)
        if left[queue] < count:
            refusals[queue] = refusal(limits, states)
    if not refusals:
        return new, None
    for at, number in enumerate(new):
        queue = many[number].template.queue
        if not left[queue]:
            return new[:at], refusals[queue]
        left[queue] -= 1
    return new, None


def _insert(
    many: Sequence[PreparedJob],
    new: Sequence[int],
    owner: AbstractBaseUser | None,
    outcomes: dict[int, Outcome],
) -> None:
    """Insert the new ones, and note what became of each."""
    for _ in range(MOST_TRIES):
        if not new:
            return
        ids = uuid7s(len(new))
        taken = lifecycle.insert_groups(_groups([many[number] for number in new], ids))
        for number, key in zip(new, ids, strict=True):
            if key not in taken:
                outcomes[number] = Created(key, created=True)
        if not taken:
            return
        # Theirs were taken within this batch, or by somebody else meanwhile. A job that is not
        # there any more has finished in between: then there is room for another one.
        rest = [number for number, key in zip(new, ids, strict=True) if key in taken]
        outcomes |= existing_jobs(many, rest, owner)
        new = [number for number in rest if number not in outcomes]
    if new:
        raise Unavailable(AWAY, 1)


def _groups(
    jobs: Sequence[PreparedJob], ids: Sequence[uuid.UUID]
) -> list[tuple[Job, list[NewJob]]]:
    now = timezone.now()
    found: dict[int, tuple[Job, list[NewJob]]] = {}
    for job, key in zip(jobs, ids, strict=True):
        template = job.template.job
        group = found.get(id(template))
        if group is None:
            template.created_at = now
            group = found[id(template)] = (template, [])
        group[1].append(NewJob(key, job.text, job.uploads, job.keys))
    return list(found.values())


def _send_signals(
    many: Sequence[PreparedJob], new: Sequence[int], outcomes: dict[int, Outcome]
) -> None:
    if not has_receivers(task_enqueued, logging.DEBUG):
        return
    for number in new:
        outcome = outcomes[number]
        if isinstance(outcome, Created) and outcome.created:
            job, template = many[number], many[number].template.job
            template.id, template.kwargs = outcome.id, job.stored
            send_task_enqueued(template, job.template.task)
