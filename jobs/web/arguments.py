"""The arguments of a job, as its page shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from jobs.catalog import find_task
from jobs.core.formatting import truncate
from jobs.models import Job, Upload

_LINE_LENGTH: Final = 80
_MAX_LENGTH: Final = 10_000


@dataclass(frozen=True, slots=True)
class DisplayedArgument:
    """An argument's title and value. ``block``: the value needs lines of its own."""

    title: str
    value: str
    block: bool


def displayed_arguments(job: Job, uploads: Iterable[Upload]) -> list[DisplayedArgument]:
    """Return the arguments in the order of the task's signature, files by their names."""
    names = {str(upload.pk): upload.name for upload in uploads}
    positional = [(f"{number}.", value) for number, value in enumerate(job.args, 1)]
    return [
        _displayed(title, _with_file_names(value, names))
        for title, value in [*positional, *_titled(job)]
    ]


def _titled(job: Job) -> list[tuple[str, Any]]:
    task = find_task(job.task)
    rest = dict(job.kwargs)
    arguments = task.spec.arguments if task is not None else ()
    known = [(a.title, rest.pop(a.name)) for a in arguments if a.name in rest]
    return [*known, *rest.items()]


def _with_file_names(value: Any, names: dict[str, str]) -> Any:
    """Replace references to files by the files' names."""
    if isinstance(value, dict):
        if value.keys() == {"upload"}:
            return names.get(str(value["upload"]), "a file that is no longer kept")
        return {name: _with_file_names(item, names) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_file_names(item, names) for item in value]
    return value


def plain_json(value: Any) -> str:
    """Return a value as people write it: a text as it is, 10 rather than 10.0, else JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def _displayed(title: str, value: Any) -> DisplayedArgument:
    if isinstance(value, bool):
        return DisplayedArgument(title, "yes" if value else "no", block=False)
    if value is None:
        return DisplayedArgument(title, "none", block=False)
    text = plain_json(value)
    block = len(text) > _LINE_LENGTH or "\n" in text
    if block and not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False, indent=2)
    return DisplayedArgument(title, truncate(text, _MAX_LENGTH), block)
