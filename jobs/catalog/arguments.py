"""A task's arguments as people meet them: one description a field, read off the JSON schema.

Forms, the command line and the documentation all start from these, so that a type is understood
in one place.
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
    file. ``multiple`` says that several choices or files may be given. ``items`` is the kind of the
    entries when it is a list of simple values (``kind`` is then json), else None.
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
    found = [
        _argument(name, field, name in required, schema.get("$defs", {}))
        for name, field in schema.get("properties", {}).items()
    ]
    return sorted(found, key=lambda argument: not argument.required)


def _argument(name: str, field: Schema, required: bool, defs: Schema) -> Argument:
    inner, nullable = _without_null(_resolved(field, defs), defs)
    item = _resolved(inner.get("items", {}), defs) if inner.get("type") == "array" else None
    many = item is not None and _kind(item) in {"choice", "file"}
    shown = item if many and item is not None else inner
    return Argument(
        name=name,
        title=field.get("title") or humanise(name),
        kind=_kind(shown),
        help=field.get("description", ""),
        required=required,
        default=field.get("default"),
        nullable=nullable,
        multiple=many,
        items=_kind(item) if item and not many and _kind(item) in _SIMPLE else None,
        choices=tuple((value, str(value)) for value in _values(shown)),
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
    real = [option for option in options if option.get("type") != "null"]
    if len(real) == 1 and len(options) > 1:
        return {**schema, **real[0]}, True
    return schema, len(real) < len(options)


def humanise(name: str) -> str:
    """Turn an identifier into a title: ``min_length`` becomes ``Min length``."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


LongText = Annotated[str, Field(json_schema_extra={"format": "textarea"})]
"""A text of several lines: its form field is a text area."""
