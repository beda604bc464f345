"""The arguments of Django's own ``@task`` functions as JSON data.

What Django's own backends accept is accepted and changed in the same way (a tuple becomes a list,
bytes become text), and what they refuse is refused with a ``TypeError`` too. Beyond that, what JSON
would change is refused: a key that is not text, and a number that is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.catalog.pointer import escape_pointer
from jobs.core.jsonutils import clean_json
from jobs.errors import UnsupportedType

ADVICE = "Give it as text or a number, or declare the task with @job and a type for it."


def plain_arguments(args: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return positional and named arguments as JSON data.

    Raises:
        UnsupportedType: with a pointer to what is no JSON.
    """
    try:
        data = {
            "args": _normalized(list(args), "/args"),
            "kwargs": _normalized(dict(kwargs), "/kwargs"),
        }
        stored = clean_json(data)[0]
    except RecursionError as error:
        raise _refused("", "It is nested too deeply.") from error
    except ValueError as error:
        raise _refused("", f"It is no JSON: {error}.") from error
    return stored["args"], stored["kwargs"]


def _normalized(value: Any, at: str) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise _refused(at, "It must be a finite number.")
            return value
        case Mapping():
            return {
                _key(key, at): _normalized(item, f"{at}/{escape_pointer(key)}")
                for key, item in value.items()
            }
        case bytes():
            return _text(value, at)
        case Sequence():
            return [_normalized(item, f"{at}/{index}") for index, item in enumerate(value)]
        case _:
            raise _refused(at, f"Unsupported type: {type(value)}. {ADVICE}")


def _key(key: Any, at: str) -> str:
    if not isinstance(key, str):
        raise _refused(at, f"Unsupported type of a key: {type(key)}. It would arrive as text.")
    return key


def _text(value: bytes, at: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _refused(at, f"Unsupported value: {type(value)} that is not UTF-8.") from error


def _refused(at: str, detail: str) -> UnsupportedType:
    return UnsupportedType([{"pointer": at, "detail": detail}])
