"""Reading the log of a job: its end, what came since, the lines that hold a word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import Max
from django.db.models.functions import Coalesce

from jobs.models import Job, LogChunk

TAIL: Final = 100_000
"""Characters of log that a page shows at first."""
MOST_FOUND: Final = 500
_READ_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Some of a log: the text, where it ends, and how many characters are before it."""

    text: str
    end: int
    before: int = 0


def tail(job: Job) -> LogPiece:
    """Return the end of the log, from the beginning of a line."""
    piece = since(job, max(0, job.log_size - TAIL))
    if piece.before == 0:
        return piece
    cut = piece.text.find("\n") + 1
    return LogPiece(piece.text[cut:], piece.end, piece.before + cut)


def since(job: Job, offset: int) -> LogPiece:
    """Return the log from an offset on."""
    chunks = LogChunk.objects.filter(job_id=job.pk)
    # The chunk that the offset lies in is the last one that begins at or before it.
    first = chunks.filter(start__lte=offset).aggregate(start=Coalesce(Max("start"), 0))["start"]
    parts: list[str] = []
    end = offset
    for start, text in chunks.filter(start__gte=first).values_list("start", "text"):
        parts.append(text[max(0, offset - start) :])
        end = max(end, start + len(text))
    return LogPiece("".join(parts), end, offset)


def pieces(job: Job) -> Iterator[str]:
    """Yield the whole log, piece by piece."""
    rows = LogChunk.objects.filter(job_id=job.pk).order_by("start")
    yield from rows.values_list("text", flat=True).iterator(_READ_AT_ONCE)


def lines(job: Job) -> Iterator[str]:
    """Yield the lines of the whole log; a line may lie across pieces."""
    rest = ""
    for piece in pieces(job):
        *whole, rest = (rest + piece).split("\n")
        yield from whole
    if rest:
        yield rest


def found(job: Job, wanted: str) -> tuple[list[str], bool]:
    """Return the last lines that hold the text, whatever the case, and whether there are more."""
    folded = wanted.casefold()
    hits = [line for line in lines(job) if folded in line.casefold()]
    return hits[-MOST_FOUND:], len(hits) > MOST_FOUND
