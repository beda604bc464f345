"""Finding jobs by what people type: the beginning of an id, or a part of a task's name."""

from __future__ import annotations

import re
import uuid
from typing import Final

from django.db.models import Q

from .catalog import all_tasks
from .figures import recorded_tasks

_HEX: Final = re.compile(r"[0-9a-f]{1,32}")


def matching(text: str) -> Q:
    """Jobs whose id begins with the text, or whose task's name or title holds it.

    Both are ranges of an index: names are looked up first, among the few that there are.
    """
    wanted = Q(pk__in=[])
    digits = text.replace("-", "").lower()
    if _HEX.fullmatch(digits):
        first, last = digits.ljust(32, "0"), digits.ljust(32, "f")
        wanted |= Q(id__gte=uuid.UUID(first), id__lte=uuid.UUID(last))
    names = _task_names(text.casefold())
    return wanted | Q(task__in=sorted(names)) if names else wanted


def _task_names(text: str) -> set[str]:
    found = {name for name in recorded_tasks() if text in name.casefold()}
    for name, task in all_tasks().items():
        if text in name.casefold() or text in task.title.casefold():
            found.add(name)
    return found
