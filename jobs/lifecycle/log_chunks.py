"""A job's log in the database: its beginning and its end are kept, its middle goes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

from django.db.models import Max

from jobs.conf import get_conf
from jobs.models import LogChunk

MAX_SIZE: Final = 2**31 - 1
"""What the columns hold. A job that was left to log more than that keeps what it has."""
MAX_SKIPPED_SIZE: Final = 2**30
"""Up to this size characters that were left out count: a task that prints in an endless loop
reaches ``MAX_SIZE`` within minutes, and what is kept of it (32 KiB a second) in nine hours."""
MAX_CHUNK: Final = 64 * 1024


class LogAppend:
    """Text that is appended to a log, with the offsets that it gets.

    Args:
        size: of the log until now, in characters: all that was ever logged.
        text: is appended first.
        skipped: so many characters are left out then.
        end: is appended last.
    """

    def __init__(self, size: int, text: str, skipped: int, end: str) -> None:
        self._text, self._end = text, end
        self._start = size
        self._skips = skipped > 0  # then ``end`` is as long as the end of a log may be
        here = size + len(text)
        self._end_start = max(here, min(here + skipped, MAX_SKIPPED_SIZE))
        self.size = self._end_start + len(end)

    @property
    def fits(self) -> bool:
        """Whether the columns can hold the new offsets."""
        return self.size <= MAX_SIZE

    def write(self, job_id: uuid.UUID) -> None:
        """Insert the text, and delete what is neither the beginning nor the end of the log now."""
        limit = get_conf().max_log
        largest = min(MAX_CHUNK, max(1, limit // 16))
        parts = ((self._start, self._text), (self._end_start, self._end))
        LogChunk.objects.bulk_create(
            LogChunk(job_id=job_id, start=start + at, text=piece)
            for start, text in parts
            for at, piece in _pieces(text, largest)
        )
        if self.size > limit:
            head_end, tail_start = limit - limit // 2, self.size - limit // 2
            _delete_middle(job_id, head_end, self._end_start if self._skips else tail_start)


def _pieces(text: str, largest: int) -> Iterator[tuple[int, str]]:
    """Yield a text in pieces, with their offsets; a line is not split if it can be avoided."""
    at = 0
    while at < len(text):
        end = at + largest
        if end < len(text):
            end = text.rfind("\n", at, end) + 1 or end
        yield at, text[at:end]
        at = end


def _delete_middle(job_id: uuid.UUID, head_end: int, tail_start: int) -> None:
    chunks = LogChunk.objects.filter(job_id=job_id)
    # The tail begins within the last chunk that starts before it; that one is kept.
    first = chunks.filter(start__lte=tail_start).order_by().values("job_id")
    middle = chunks.filter(
        start__gte=head_end, start__lt=first.annotate(x=Max("start")).values("x")
    )
    middle._raw_delete(middle.db)
