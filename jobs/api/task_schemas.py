"""The schemas of the tasks' arguments, as components of the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from jobs.catalog.arguments import humanise
from jobs.catalog.registry import AnyTask

from .json_schema import COMPONENTS, Schema, component_schemas, ref
from .unique_names import unique_names

_LOCAL: Final = "#/$defs/"
_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
_VALUES: Final = frozenset({"default", "const", "enum", "examples", "required"})


class TaskSchemas:
    """The components of some tasks.

    For each ``<task>.args``, ``<task>.submission`` (the body of ``POST /jobs``), and
    ``<task>.args.<Model>`` for each type that its arguments name. No two are one to a generator,
    and none has a title, which generators take for the name of a class.
    """

    def __init__(self, tasks: Sequence[AnyTask]) -> None:
        self._tasks = tasks
        wanted = [
            *(f"{task.name}.{part}" for task in tasks for part in ("args", "submission")),
            *(_definition(task, name) for task in tasks for name in _definitions(task)),
        ]
        self._names = unique_names(wanted, component_schemas())
        operations = unique_names([f"submit.{task.name}" for task in tasks], ["submit.job"])
        self._operations = {task.name: _camel(operations[f"submit.{task.name}"]) for task in tasks}

    def operation_id(self, task: AnyTask) -> str:
        """Return the id of the operation that submits a task."""
        return self._operations[task.name]

    def args(self, task: AnyTask) -> Schema:
        """Return a reference to a task's arguments."""
        return ref(self._names[f"{task.name}.args"])

    def submission(self) -> Schema:
        """Return the schema of a submission of any of the tasks."""
        if not self._tasks:
            return ref("Submission")
        by_task = {task.name: ref(self._names[f"{task.name}.submission"]) for task in self._tasks}
        mapping = {name: schema["$ref"] for name, schema in by_task.items()}
        return {
            "oneOf": list(by_task.values()),
            "discriminator": {"propertyName": "task", "mapping": mapping},
        }

    def components(self) -> dict[str, Schema]:
        """Return the schemas by name."""
        found: dict[str, Schema] = {}
        for task in self._tasks:
            schema = {**task.spec.json_schema, "title": ""}  # it is the function's name
            found[self._names[f"{task.name}.args"]] = self._rewritten(schema, task)
            found[self._names[f"{task.name}.submission"]] = self._submission(task)
            for name, schema in _definitions(task).items():
                found[self._names[_definition(task, name)]] = self._rewritten(schema, task)
        return found

    def _submission(self, task: AnyTask) -> Schema:
        any_task = component_schemas()["Submission"]
        own = {"task": {"const": task.name}, "args": self.args(task)}
        return {
            **any_task,
            "properties": {**any_task["properties"], **own},
            "required": ["task", "args"] if task.spec.json_schema.get("required") else ["task"],
        }

    def _rewritten(self, value: Any, task: AnyTask) -> Any:
        """A schema of pydantic's whose references lead to the document's components."""
        if isinstance(value, list):
            return [self._rewritten(item, task) for item in value]
        if isinstance(value, str) and value.startswith(_LOCAL):
            name = value.removeprefix(_LOCAL)
            return COMPONENTS + self._names[_definition(task, name)]
        if not isinstance(value, dict):
            return value
        if value.get("format") == "upload":
            return ref("UploadReference") | _description(value)
        found = {
            key: self._inside(key, inner, task)
            for key, inner in value.items()
            if key not in {"$defs", "title"}
        }
        return found | _description(value)

    def _inside(self, key: str, value: Any, task: AnyTask) -> Any:
        if key in _VALUES:
            return value
        if key in _BY_NAME:
            return {name: self._rewritten(_named(name, one), task) for name, one in value.items()}
        return self._rewritten(value, task)


def _definitions(task: AnyTask) -> dict[str, Schema]:
    found: dict[str, Schema] = task.spec.json_schema.get("$defs", {})
    return found


def _definition(task: AnyTask, name: str) -> str:
    return f"{task.name}.args.{re.sub(r'[^A-Za-z0-9._-]', '_', name)}"


def _named(name: str, schema: Any) -> Any:
    """Without a title that only repeats the name."""
    if isinstance(schema, dict) and schema.get("title") == humanise(name):
        return {key: value for key, value in schema.items() if key != "title"}
    return schema


def _description(schema: Schema) -> Schema:
    """A title that says something goes into the description."""
    texts: Iterable[str] = filter(None, (schema.get("title"), schema.get("description")))
    text = ". ".join(one.rstrip(".") for one in texts)
    return {"description": f"{text}."} if text else {}


def _camel(text: str) -> str:
    first, *rest = re.split(r"[^A-Za-z0-9]+", text)
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
