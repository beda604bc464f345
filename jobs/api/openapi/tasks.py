"""The tasks' own schemas in the document: what each takes, and the body that hands it in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jobs.catalog.registry import AnyTask

from .schemas import OPTIONS, Schema, ref

_LOCAL = "#/$defs/"


def task_schemas(tasks: Iterable[AnyTask]) -> dict[str, Schema]:
    """Return two components a task: ``<name>.args`` and ``<name>.submission``."""
    found: dict[str, Schema] = {}
    for task in tasks:
        name = component(task.name)
        found[f"{name}.args"] = _rebased(
            task.spec.json_schema, f"#/components/schemas/{name}.args/$defs/"
        )
        found[f"{name}.submission"] = _submission(task, name)
    return found


def component(name: str) -> str:
    """A task's name in the letters that a component may have."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)


def _submission(task: AnyTask, name: str) -> Schema:
    required = ["task", "args"] if task.spec.json_schema.get("required") else ["task"]
    return {
        "type": "object",
        "title": task.title,
        "description": task.description,
        "properties": {"task": {"const": task.name}, "args": ref(f"{name}.args"), **OPTIONS},
        "required": required,
        "additionalProperties": False,
    }


def _rebased(value: Any, base: str) -> Any:
    """The schema with its inner references leading on to where it lies in the document."""
    if isinstance(value, list):
        return [_rebased(item, base) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base + item.removeprefix(_LOCAL)
        if name == "$ref" and isinstance(item, str) and item.startswith(_LOCAL)
        else _rebased(item, base)
        for name, item in value.items()
    }
