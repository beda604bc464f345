"""The jobs of a batch that are there already, by their keys: two statements, and none without."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from jobs.errors import IdempotencyConflict, JobsError
from jobs.lifecycle import JobKeys
from jobs.models import Job

from .prepare import PreparedJob

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


class Created(NamedTuple):
    """The id of a job, and whether it was inserted now."""

    id: uuid.UUID
    created: bool


Outcome = Created | JobsError


def existing_jobs(
    many: Sequence[PreparedJob], numbers: Iterable[int], owner: AbstractBaseUser | None
) -> dict[int, Outcome]:
    """Return the outcomes of those whose job is there already, by their number in the batch.

    Args:
        many: the jobs of the batch.
        numbers: which of them to look for.
        owner: whose jobs they are; idempotency keys belong to their owner.
    """
    keyed = {number: keys for number in numbers if (keys := many[number].keys) is not None}
    if not keyed:
        return {}
    by_slot = _by_slot({keys.unique_slot for keys in keyed.values() if keys.unique_slot})
    by_key = _by_key({keys.idempotency_key for keys in keyed.values()} - {None}, owner)
    found = {number: _same(keys, by_key, by_slot) for number, keys in keyed.items()}
    return {number: outcome for number, outcome in found.items() if outcome is not None}


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
