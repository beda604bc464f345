"""Whether arguments come back from JSON as they were given.

A row holds JSON. ``date`` comes back as a date, because the signature says so; ``date | str`` comes
back as text, and so does a date in a bare ``dict``, ``list`` or ``Any``. Where a signature leaves
that open, what would arrive is compared with what was given. Where it does not (``is_exact``),
a submission costs nothing more; with JSON data (``is_json``) it costs a look at each value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from django.utils.safestring import SafeString
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from .pointer import escape_pointer

_SCALARS: Final = frozenset({"str", "int", "float", "bool", "none"})
"""The schemas of JSON's own types."""
_EXACT: Final = _SCALARS | {"date", "time", "datetime", "timedelta", "uuid", "decimal"}
"""The schemas of types that JSON text brings back, when nothing else may be there."""
_EXACT_KEYS: Final = frozenset({"str", "int", "date", "datetime", "uuid"})
_JSON_VALUES: Final = frozenset({str, int, float, bool})
_NOT_FINITE: Final = "It must be a finite number."


def is_exact(schema: Any) -> bool:
    """Whether every value that fits a schema of pydantic comes back from JSON as it was given.

    False means that it depends on the value. Models and dataclasses are among these: what is given
    may be a subclass. So are types with code of their own, such as ``EmailStr``.
    """
    kind = schema["type"]
    test = _TESTS.get(kind)
    return kind in _EXACT or (test is not None and test(schema))


def _is_exact_dict(schema: Any) -> bool:
    keys, values = schema.get("keys_schema", {"type": "any"}), schema.get("values_schema")
    return keys["type"] in _EXACT_KEYS and values is not None and is_exact(values)


def _are_scalars(choices: Iterable[Any]) -> bool:
    """Whether all choices of a union are types of JSON, which pydantic tells apart."""
    return all((one[0] if isinstance(one, tuple) else one)["type"] in _SCALARS for one in choices)


def _are_json_values(values: Iterable[Any]) -> bool:
    return all(type(value) in _JSON_VALUES for value in values)


def _has_exact_items(schema: Any) -> bool:
    return "items_schema" in schema and is_exact(schema["items_schema"])


_TESTS: Final[dict[str, Callable[[Any], bool]]] = {
    "nullable": lambda schema: is_exact(schema["schema"]),
    "default": lambda schema: is_exact(schema["schema"]),
    "list": _has_exact_items,
    "set": _has_exact_items,
    "frozenset": _has_exact_items,
    "tuple": lambda schema: all(map(is_exact, schema["items_schema"])),
    "dict": _is_exact_dict,
    "union": lambda schema: _are_scalars(schema["choices"]),
    "enum": lambda schema: _are_json_values(member.value for member in schema["members"]),
    "literal": lambda schema: _are_json_values(schema["expected"]),
}
"""By type of schema, how to tell whether it is exact."""


def is_json(value: Any) -> bool:
    """Whether a value is of JSON's own types, at any depth: nothing of it can change."""
    kind = type(value)
    if kind in _JSON_VALUES or value is None:
        return kind is not float or math.isfinite(value)
    if kind is list:
        return all(map(is_json, value))
    return kind is dict and all(type(key) is str and is_json(value[key]) for key in value)


class Difference(NamedTuple):
    """A place where something else would arrive: a JSON pointer to it, and both values."""

    pointer: str
    given: Any
    arrives: Any

    @property
    def sentence(self) -> str:
        """What is said to who submits."""
        if isinstance(self.given, float) and not math.isfinite(self.given):
            return _NOT_FINITE
        given, arrives = type(self.given).__name__, type(self.arrives).__name__
        if given == arrives:
            return f"This {given} would not arrive as it was given."
        return (
            f"This {given} would arrive as {arrives}."
            f" Give it as {arrives}, or declare a type that says what it is to be."
        )


def first_difference(given: Any, arrives: Any, at: str = "") -> Difference | None:
    """Return the first place where two values differ in type or content, None if there is none.

    Texts are compared by type alone: characters that databases refuse are replaced in them.
    """
    if isinstance(given, SafeString) and type(arrives) is str:
        return None  # ``str()`` of one returns itself: nobody could give it as a plain text
    if type(given) is not type(arrives):
        return Difference(at, given, arrives)
    if isinstance(given, Mapping):
        return _in_mapping(given, arrives, at)
    if isinstance(given, list | tuple):
        return _in_pairs(enumerate(given), enumerate(arrives), at, len(given) == len(arrives))
    if isinstance(given, BaseModel) or is_dataclass(given):
        return _in_pairs(_members(given), _members(arrives), at, same_size=True)
    return None if _equal(given, arrives) else Difference(at, given, arrives)


def _in_mapping(given: Any, arrives: Any, at: str) -> Difference | None:
    for key, other in zip(given, arrives, strict=False):
        if type(key) is not type(other) or not _equal(key, other):
            return Difference(at, key, other)
    return _in_pairs(given.items(), arrives.items(), at, len(given) == len(arrives))


def _in_pairs(
    given: Iterable[tuple[Any, Any]],
    arrives: Iterable[tuple[Any, Any]],
    at: str,
    same_size: bool,
) -> Difference | None:
    for (key, one), (_, other) in zip(given, arrives, strict=False):
        found = first_difference(one, other, f"{at}/{escape_pointer(key)}")
        if found is not None:
            return found
    return None if same_size else Difference(at, given, arrives)


def _members(value: Any) -> list[tuple[str, Any]]:
    extra = getattr(value, "__pydantic_extra__", None) or {}
    names = getattr(value, "__slots__", ()) if not hasattr(value, "__dict__") else vars(value)
    return [*((name, getattr(value, name)) for name in names), *extra.items()]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, str) and not isinstance(one, Enum):
        return True  # but for characters that were replaced
    if vars(object)["__eq__"] is getattr(type(one), "__eq__", None):
        return True  # objects that cannot be compared
    return bool(one == other) or one != one  # noqa: PLR0124  (NaN)


def unstorable(value: Any, at: str = "") -> tuple[str, str] | None:
    """Return a JSON pointer to the first part of a value that is no JSON, and a sentence.

    None means that none was found.
    """
    if isinstance(value, Mapping):
        parts = [(escape_pointer(str(key)), item) for key, item in value.items()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = [(str(index), item) for index, item in enumerate(value)]
    elif isinstance(value, BaseModel) or (is_dataclass(value) and not isinstance(value, type)):
        parts = _members(value)
    else:
        sentence = _why_unstorable(value)
        return None if sentence is None else (at, sentence)
    found = (unstorable(item, f"{at}/{step}") for step, item in parts)
    return next((one for one in found if one is not None), None)


def _why_unstorable(value: Any) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return _NOT_FINITE
    if isinstance(value, bytes | bytearray):
        return "Bytes must be UTF-8 to be stored as JSON: encode others, for example as base64."
    try:
        to_jsonable_python(value)
    except (ValueError, RecursionError):
        name = type(value).__name__
        if hasattr(value, "_meta") and hasattr(value, "pk"):
            return f"This {name} cannot be stored as JSON: give its primary key."
        return f"This {name} cannot be stored as JSON."
    return None
