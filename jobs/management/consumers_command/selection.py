"""Which consumers the words of a command line name."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.management.base import CommandError

from jobs.catalog.registry import nearest_names
from jobs.management.base import BAD_INPUT
from jobs.models import Consumer


def select_consumers(words: Sequence[str]) -> list[Consumer]:
    """Return the living consumers that are named; all of them where no word is given.

    Args:
        words: ids, hosts, or ``host:pid``.

    Raises:
        CommandError: a word names none.
    """
    living = list(Consumer.objects.filter(dead_at=None))
    if not words:
        return living
    by_word: dict[str, list[Consumer]] = {}
    for one in living:
        for word in (str(one.pk), one.pk.hex, one.host, str(one)):
            by_word.setdefault(word, []).append(one)
    for word in words:
        if word not in by_word:
            raise _unknown(word, living)
    chosen = {one.pk: one for word in words for one in by_word[word]}
    return list(chosen.values())


def _unknown(word: str, living: list[Consumer]) -> CommandError:
    labels = [str(one) for one in living]
    nearest = nearest_names(word, [*labels, *{one.host for one in living}])
    if nearest:
        hint = f"Did you mean {' or '.join(nearest)}?"
    else:
        hint = f"Known: {', '.join(labels)}." if labels else "No consumer runs."
    return CommandError(f"There is no consumer {word!r}. {hint}", returncode=BAD_INPUT)
