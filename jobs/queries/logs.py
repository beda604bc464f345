"""Reading the log of a job: from an offset, its end, its lines, the lines that contain a text.

An offset counts the characters that the job has ever logged. A log that is over its limit has lost
its middle (``lifecycle.log_chunks``): the offsets of the rest stay, and who reads across the gap
gets a line that says how many characters are left out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db.models import Max, Sum
from django.db.models.functions import Coalesce, Length

from jobs.conf import get_conf
from jobs.lifecycle.log_chunks import MAX_SKIPPED_SIZE
from jobs.models import Job, LogChunk

from .log_rows import stored_chunks

TAIL: Final = 100_000
"""Characters of log that a page shows at first."""
MAX_FOUND: Final = 500
"""Lines that ``find`` returns at most."""


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Part of a log.

    Attributes:
        text: with a line for what is left out.
        end: the offset of its end, from which to continue.
        before: how many characters were logged before it.
        left_out: how many characters of the whole log are not kept; ``tail`` says it.
    """

    text: str
    end: int
    before: int = 0
    left_out: int = 0


class _Part(NamedTuple):
    """Text from a chunk, or the line that stands for a gap, and the offset after it."""

    text: str
    end: int
    is_gap: bool = False


def read(job_id: uuid.UUID, offset: int, limit: int | None = None) -> LogPiece:
    """Return the log from an offset on, ``limit`` characters at most.

    An offset beyond the end gets no text and the end, from which to continue. The line for a gap
    may exceed the limit if it comes first, so that a reader always gets across.
    """
    end, room = 0, limit
    texts: list[str] = []
    for part in _parts(job_id, offset):
        if part.is_gap and texts and room is not None and len(part.text) > room:
            break
        text = part.text if part.is_gap else part.text[:room]
        texts += [text] if text else []
        end = part.end if part.is_gap else part.end - len(part.text) + len(text)
        if room is not None:
            room = max(0, room - len(text))
            if room == 0:
                break
    return LogPiece("".join(texts), end, offset)


def tail(job: Job) -> LogPiece:
    """Return the end of the log, from the beginning of a line."""
    start = max(0, job.log_size - TAIL)
    parts = list(_parts(job.pk, start))
    if start == 0:
        return LogPiece(_joined(parts), parts[-1].end if parts else 0)
    cut = True
    # Where the log is left out it comes before what is shown.
    while parts and (parts[0].is_gap or not parts[0].text):
        cut = not parts[0].is_gap
        start = parts.pop(0).end
    text = _joined(parts)
    if cut:
        line = text.find("\n") + 1
        text, start = text[line:], start + line
    return LogPiece(text, parts[-1].end if parts else start, start, _left_out(job))


def _joined(parts: Iterable[_Part]) -> str:
    return "".join(part.text for part in parts)


def _left_out(job: Job) -> int:
    """Return how many characters of a log are not kept, 0 without a query where it is short."""
    if job.log_size <= get_conf().max_log:
        return 0
    kept = LogChunk.objects.filter(job_id=job.pk).aggregate(size=Coalesce(Sum(Length("text")), 0))
    return max(0, job.log_size - int(kept["size"]))


def _parts(job_id: uuid.UUID, offset: int) -> Iterator[_Part]:
    """Yield the parts of a log from an offset on.

    The first has no text if nothing of its chunk comes after the offset.
    """
    first = 0
    if offset:
        # The chunk that contains the offset is the last one that begins at or before it.
        before = LogChunk.objects.filter(job_id=job_id, start__lte=offset)
        first = before.aggregate(start=Coalesce(Max("start"), 0))["start"]
    line_ended = True
    for start, text in stored_chunks(job_id, first):
        if start > offset:
            yield _Part(("" if line_ended else "\n") + gap_line(start - offset, start), start, True)
        yield _Part(text[max(0, offset - start) :], start + len(text))
        offset = max(offset, start + len(text))
        line_ended = text.endswith("\n")


def gap_line(size: int, end: int) -> str:
    """Return the line that stands for so many characters before the offset ``end``."""
    # Beyond this offset not all that was left out is counted.
    more_than = "more than " if end >= MAX_SKIPPED_SIZE else ""
    return f"[{more_than}{size:,} characters are left out here: the log is over its limit]\n"


def chunks(job: Job) -> Iterator[str]:
    """Yield the whole log, chunk by chunk."""
    yield from (part.text for part in _parts(job.pk, 0))


def lines(job: Job) -> Iterator[str]:
    """Yield the lines of the whole log; a line may extend over several chunks."""
    rest = ""
    for chunk in chunks(job):
        *whole, rest = (rest + chunk).split("\n")
        yield from whole
    if rest:
        yield rest


def find(job: Job, text: str) -> tuple[list[str], bool]:
    """Return the last lines that contain the text, ignoring case, and whether there are more."""
    folded = text.casefold()
    hits = [line for line in lines(job) if folded in line.casefold()]
    return hits[-MAX_FOUND:], len(hits) > MAX_FOUND
