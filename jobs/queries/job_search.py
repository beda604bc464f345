"""Finding jobs by what people type: the beginning of an id, or a part of a task's name."""

from __future__ import annotations

import re
import uuid
from typing import Final

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import In

from jobs.catalog import all_tasks

from .stats import recorded_tasks

_HEX: Final = re.compile(r"[0-9a-f]{1,32}")


def matching_jobs(text: str) -> Q:
    """Jobs whose id begins with the text, or whose task's name or title holds it.

    Names are looked up first, among the few that there are.
    """
    wanted = Q(pk__in=[])
    digits = text.replace("-", "").lower()
    if _HEX.fullmatch(digits):
        first, last = digits.ljust(32, "0"), digits.ljust(32, "f")
        wanted |= Q(id__gte=uuid.UUID(first), id__lte=uuid.UUID(last))
    names = _task_names(text.casefold())
    if len(names) == 1:
        return wanted | Q(task=names[0])
    if names:
        # Of several tasks the newest jobs are found sooner by walking the ids than by collecting
        # all of theirs from the index and sorting them; COALESCE keeps the planner from that.
        return wanted | Q(In(Coalesce(F("task"), Value("")), names))
    return wanted


def _task_names(text: str) -> list[str]:
    """The tasks that have jobs and whose name or title holds the text."""
    tasks = all_tasks()
    titles = {name: tasks[name].title if name in tasks else "" for name in recorded_tasks()}
    return sorted(name for name, title in titles.items() if text in f"{name}\n{title}".casefold())
