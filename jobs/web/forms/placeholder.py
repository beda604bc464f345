"""The placeholder of an empty JSON field: an example made from the argument's schema."""

from __future__ import annotations

import json
from typing import Any, Final

MAX_DEPTH: Final = 4
_SIMPLE: Final = {"integer": 0, "number": 0.5, "boolean": False, "null": None}
_FORMATS: Final = {
    "date": "2026-11-21",
    "date-time": "2026-11-21T14:30:00Z",
    "email": "ada@example.org",
    "uri": "https://example.org/",
}


def placeholder(schema: dict[str, Any], name: str) -> str:
    """Return an example, as JSON, of a property in an object's schema; "" if any value fits."""
    value = _example(schema["properties"][name], schema.get("$defs", {}), 0)
    return json.dumps(value, indent=2) if value not in (None, "", {}, []) else ""


def _example(schema: dict[str, Any], defs: dict[str, Any], depth: int) -> Any:
    schema = {**defs.get(str(schema.get("$ref", "")).removeprefix("#/$defs/"), {}), **schema}
    if schema.get("default") is not None:
        return schema["default"]
    for choice in (schema.get("const"), *schema.get("enum", ())):
        if choice is not None:
            return choice
    if "anyOf" in schema:
        return _example(schema["anyOf"][0], defs, depth)
    if depth > MAX_DEPTH:
        return None
    return _of_type(schema, defs, depth)


def _of_type(schema: dict[str, Any], defs: dict[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        extra = schema.get("additionalProperties")
        named = schema.get("properties") or ({"name": extra} if isinstance(extra, dict) else {})
        return {key: _example(part, defs, depth + 1) for key, part in named.items()}
    if kind == "array":
        return [_example(schema["items"], defs, depth + 1)] if schema.get("items") else []
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), "text")
    return _SIMPLE.get(str(kind))
