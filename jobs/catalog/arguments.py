"""Descriptions of a task's arguments, derived from its JSON schema.

Forms, the command line and the documentation all use these, so that types are interpreted in one
place only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import Field

Schema = dict[str, Any]

SHORT_TEXT: Final = 255
_FORMATS: Final = {
    "textarea": "longtext",
    "date": "date",
    "date-time": "datetime",
    "email": "email",
    "uri": "url",
    "upload": "file",
}
_SIMPLE: Final = frozenset({"text", "integer", "number", "email", "url", "date", "datetime"})
_SCALARS: Final = {"integer": "integer", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a task.

    ``kind`` is one of: text longtext integer number boolean choice json date datetime email url
    file. ``multiple``: several choices or files may be given. ``items`` is the kind of the entries
    of a list of simple values (whose ``kind`` is json), otherwise None.
    """

    name: str
    title: str
    kind: str
    help: str = ""
    required: bool = True
    default: Any = None
    nullable: bool = False
    multiple: bool = False
    items: str | None = None
    choices: tuple[tuple[Any, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None


def describe(schema: Schema) -> list[Argument]:
    """Return the arguments of a task's JSON schema, the required ones first."""
    required = set(schema.get("required", ()))
    arguments = [
        _argument(name, field, name in required, schema.get("$defs", {}))
        for name, field in schema.get("properties", {}).items()
    ]
    return sorted(arguments, key=lambda argument: not argument.required)


def _argument(name: str, field: Schema, required: bool, defs: Schema) -> Argument:
    inner, nullable = _without_null(_resolved(field, defs), defs)
    item = _resolved(inner.get("items", {}), defs) if inner.get("type") == "array" else None
    multiple = item is not None and _kind(item) in {"choice", "file"}
    value = item if multiple and item is not None else inner
    return Argument(
        name=name,
        title=field.get("title") or humanise(name),
        kind=_kind(value),
        help=field.get("description", ""),
        required=required,
        default=field.get("default"),
        nullable=nullable,
        multiple=multiple,
        items=_kind(item) if item and not multiple and _kind(item) in _SIMPLE else None,
        choices=tuple((choice, str(choice)) for choice in _values(value)),
        minimum=inner.get("minimum", inner.get("exclusiveMinimum")),
        maximum=inner.get("maximum", inner.get("exclusiveMaximum")),
        max_length=inner.get("maxLength"),
    )


def _kind(schema: Schema) -> str:
    if _values(schema):
        return "choice"
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    if schema.get("type") == "string":
        return "longtext" if schema.get("maxLength", 0) > SHORT_TEXT else "text"
    return _SCALARS.get(str(schema.get("type")), "json")


def _values(schema: Schema) -> list[Any]:
    if "const" in schema:
        return [schema["const"]]
    return list(schema.get("enum", ()))


def _resolved(schema: Schema, defs: Schema) -> Schema:
    reference = schema.get("$ref", "")
    name = str(reference).removeprefix("#/$defs/")
    return {**defs.get(name, {}), **schema} if reference else schema


def _without_null(schema: Schema, defs: Schema) -> tuple[Schema, bool]:
    options = [_resolved(option, defs) for option in schema.get("anyOf", ())]
    others = [option for option in options if option.get("type") != "null"]
    if len(others) == 1 and len(options) > 1:
        return {**schema, **others[0]}, True
    return schema, len(others) < len(options)


def humanise(name: str) -> str:
    """Turn an identifier into a title: ``min_length`` becomes ``Min length``."""
    title = name.replace("_", " ").strip()
    return title[:1].upper() + title[1:]


LongText = Annotated[str, Field(json_schema_extra={"format": "textarea"})]
"""A text of several lines; its form field is a text area."""
