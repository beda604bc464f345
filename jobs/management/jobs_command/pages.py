"""Going through many jobs in bounded statements, by their ids."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from jobs.models import Job
from jobs.models.job import JobQuerySet

IDS_A_PAGE: Final = 20_000
"""Ids that are read at once: some megabytes, and few statements for a million."""


def newest_first(rows: JobQuerySet, page: int, limit: int | None) -> Iterator[list[Job]]:
    """Yield pages of jobs, the newest first.

    Args:
        rows: which jobs.
        page: how many a statement reads.
        limit: how many jobs in all; None: as many as there are.
    """
    rows = rows.order_by("-id").prefetch_related("artifacts")
    left = limit
    last: uuid.UUID | None = None
    while left is None or left > 0:
        size = page if left is None else min(page, left)
        found = list((rows if last is None else rows.filter(id__lt=last))[:size])
        if found:
            yield found
        if len(found) < size:
            return
        last = found[-1].pk
        left = None if left is None else left - len(found)


def ids_oldest_first(rows: JobQuerySet, newest: uuid.UUID, chunk: int) -> Iterator[list[uuid.UUID]]:
    """Yield the ids of jobs, the oldest first, in chunks.

    Args:
        rows: which jobs; they may change between two chunks.
        newest: no job after this one, so that jobs which are submitted meanwhile are left alone.
        chunk: how many ids at once.
    """
    keys = rows.filter(id__lte=newest).order_by("id").values_list("id", flat=True)
    last: uuid.UUID | None = None
    while True:
        page = list((keys if last is None else keys.filter(id__gt=last))[:IDS_A_PAGE])
        for start in range(0, len(page), chunk):
            yield page[start : start + chunk]
        if len(page) < IDS_A_PAGE:
            return
        last = page[-1]
