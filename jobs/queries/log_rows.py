"""Reading the stored chunks of a log, a few at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from jobs.models import LogChunk

CHUNKS_PER_QUERY: Final = 128


def stored_chunks(job_id: uuid.UUID, start: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the offset and the text of each chunk that begins at an offset or after it, in order.

    Each query continues where the last one ended. ``QuerySet.iterator`` would keep a cursor open on
    the server, which is lost behind a pooler that lends a connection for one transaction.
    """
    rows = LogChunk.objects.filter(job_id=job_id).order_by("start").values_list("start", "text")
    while True:
        found = list(rows.filter(start__gte=start)[:CHUNKS_PER_QUERY])
        yield from found
        if len(found) < CHUNKS_PER_QUERY:
            return
        start = found[-1][0] + 1
