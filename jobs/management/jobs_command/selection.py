"""Jobs that a command line names by their ids."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.core.management.base import CommandError

from jobs.management.base import BAD_INPUT


def parse_id(text: str) -> uuid.UUID:
    """Return a job's id.

    Raises:
        CommandError: it is none.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        raise CommandError(
            f"{text!r} is no job id, which looks like 0190e1f2-5b6a-7c3d-8e4f-0123456789ab.",
            returncode=BAD_INPUT,
        ) from None


def parse_ids(texts: Sequence[str]) -> list[uuid.UUID]:
    """Return the ids, each once.

    Raises:
        CommandError: one is none.
    """
    return list(dict.fromkeys(parse_id(text) for text in texts))
