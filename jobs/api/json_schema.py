"""The JSON Schemas (draft 2020-12, as OpenAPI 3.1 has it): of ``schemas``, and of the tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema
from typing_extensions import is_typeddict

from jobs.catalog.registry import AnyTask

from . import schemas

Schema = dict[str, Any]
COMPONENTS: Final = "#/components/schemas/"
PLAIN: Final[dict[str, Schema]] = {
    "Text": {"type": "string"},
    "Bytes": {},
    "Document": {"type": "object"},
}


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": COMPONENTS + name}


@cache
def component_schemas() -> dict[str, Schema]:
    """Return the schemas of the document by name, without those of the tasks."""
    types = [schemas.Submission, *filter(_is_own, vars(schemas).values())]
    _, found = TypeAdapter.json_schemas(
        [(one.__name__, "validation", TypeAdapter(one)) for one in types],
        ref_template=COMPONENTS + "{model}",
        schema_generator=_Generator,
    )
    return {name: _plain(schema) for name, schema in (found["$defs"] | PLAIN).items()}


def _is_own(value: Any) -> bool:
    return is_typeddict(value) and value.__module__ == schemas.__name__


def _plain(schema: Schema) -> Schema:
    """Without the class's name and docstring, which are for readers of the code."""
    return {name: value for name, value in schema.items() if name not in {"title", "description"}}


class _Generator(GenerateJsonSchema):
    """Pydantic's schemas, made shorter."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # a title would only repeat the member's name

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Schema:
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str):
            return {**inner, "type": [inner["type"], "null"]}
        return super().nullable_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        if "default" in schema and schema["default"] is None:
            return self.generate_inner(schema["schema"])  # null is as good as absent
        return super().default_schema(schema)


def submission(tasks: Sequence[AnyTask]) -> Schema:
    """Return the schema of any task's submission, or of one for each task that is given."""
    if not tasks:
        return ref("Submission")
    by_task = {task.name: ref(f"{_component_name(task)}.submission") for task in tasks}
    mapping = {name: schema["$ref"] for name, schema in by_task.items()}
    return {
        "oneOf": list(by_task.values()),
        "discriminator": {"propertyName": "task", "mapping": mapping},
    }


def task_schemas(tasks: Iterable[AnyTask]) -> dict[str, Schema]:
    """Return two schemas for each task by name: ``<task>.args`` and ``<task>.submission``."""
    found: dict[str, Schema] = {}
    for task in tasks:
        name = _component_name(task)
        found[f"{name}.args"] = _args_schema(task, name)
        found[f"{name}.submission"] = _task_submission(task, name)
    return found


def _component_name(task: AnyTask) -> str:
    """The task's name in the characters that the name of a component may have."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", task.name)


def _args_schema(task: AnyTask, name: str) -> Schema:
    """The schema of a task's arguments, whose own references lead to its place in the document."""
    text = json.dumps(task.spec.json_schema)
    found: Schema = json.loads(
        text.replace('"$ref": "#/$defs/', f'"$ref": "{COMPONENTS}{name}.args/$defs/')
    )
    return found


def _task_submission(task: AnyTask, name: str) -> Schema:
    any_task = component_schemas()["Submission"]
    own = {"task": {"const": task.name}, "args": ref(f"{name}.args")}
    return {
        **any_task,
        "title": task.title,
        "description": task.description,
        "properties": {**any_task["properties"], **own},
        "required": ["task", "args"] if task.spec.json_schema.get("required") else ["task"],
    }
