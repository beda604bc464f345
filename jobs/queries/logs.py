"""Reading the log of a job: from an offset, its end, its lines, the lines that contain a text."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import Max
from django.db.models.functions import Coalesce

from jobs.models import Job, LogChunk

from .log_chunks import stored_chunks

TAIL: Final = 100_000
"""Characters of log that a page shows at first."""
MAX_FOUND: Final = 500
"""Lines that ``find`` returns at most."""


@dataclass(frozen=True, slots=True)
class LogPiece:
    """Part of a log: the text, the offset of its end, and how many characters are before it."""

    text: str
    end: int
    before: int = 0


def read(job_id: uuid.UUID, offset: int, limit: int | None = None) -> LogPiece:
    """Return the log from an offset on, ``limit`` characters at most; offsets count characters.

    An offset beyond the end gets no text and the end, from which to continue.
    """
    chunks = LogChunk.objects.filter(job_id=job_id)
    # The chunk that contains the offset is the last one that begins at or before it.
    first = chunks.filter(start__lte=offset).aggregate(start=Coalesce(Max("start"), 0))["start"]
    parts: list[str] = []
    end, room = offset, limit
    for start, text in stored_chunks(job_id, first, None if limit is None else offset + limit):
        if not parts:
            end = max(end, start)
        part = text[max(0, end - start) :][:room]
        end = end + len(part) if part else start + len(text)
        parts += [part] if part else []
        if room is not None:
            room -= len(part)
            if room == 0:
                break
    return LogPiece("".join(parts), end, offset)


def tail(job: Job) -> LogPiece:
    """Return the end of the log, from the beginning of a line."""
    piece = read(job.pk, max(0, job.log_size - TAIL))
    if piece.before == 0:
        return piece
    cut = piece.text.find("\n") + 1
    return LogPiece(piece.text[cut:], piece.end, piece.before + cut)


def chunks(job: Job) -> Iterator[str]:
    """Yield the whole log, chunk by chunk."""
    for _, text in stored_chunks(job.pk):
        yield text


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
