"""The JSON Schemas of ``schemas`` (draft 2020-12, as OpenAPI 3.1 has it)."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema
from typing_extensions import is_typeddict

from . import schemas

Schema = dict[str, Any]
COMPONENTS: Final = "#/components/schemas/"
PLAIN: Final[dict[str, Schema]] = {
    "Text": {"type": "string"},
    "Bytes": {"type": "string", "format": "binary"},
    "Document": {"type": "object"},
    "Arguments": {"type": "object", "description": "By name; GET /tasks/{name} has their schema."},
    "UploadReference": {
        "type": "object",
        "format": "upload",
        "description": "A file that was sent before: the id that POST /uploads has returned.",
        "properties": {"upload": {"type": "string", "format": "uuid"}},
        "required": ["upload"],
        "additionalProperties": False,
    },
}


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": COMPONENTS + name}


@cache
def component_schemas() -> dict[str, Schema]:
    """Return the schemas of the document by name, without those of the tasks."""
    bodies = (
        schemas.Submission,
        schemas.TokenRequest,
        schemas.WebhookSubmission,
        schemas.WebhookChange,
    )
    types = [*bodies, *filter(_is_own, vars(schemas).values())]
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
