"""Finding the place in a value that JSON cannot hold, as Python would write it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, Final

from .json_forms import NotJson, plain, refusal

MAX_DIGITS: Final = 4300
"""Of a whole number, as Python reads them (``sys.int_info.default_max_str_digits``)."""
_TOO_LARGE: Final = 10**MAX_DIGITS
MAX_DEPTH: Final = 200


def first_wrong(value: Any, path: str, parents: tuple[int, ...] = ()) -> str:
    """Return the first place that JSON cannot hold and what is there, "" if there is none.

    Args:
        value: what to look through.
        path: how to call it.
        parents: the identities of the containers around it.
    """
    if id(value) in parents:
        return f"{path} contains itself"
    if len(parents) > MAX_DEPTH:
        return f"{path[:60]}... is nested too deeply"
    inner = (*parents, id(value))
    for step, item in items_of(value):
        if found := first_wrong(item, path + step, inner):
            return found
    if not _is_container(value):
        return _wrong_leaf(value, path)
    return ""


def _wrong_leaf(value: Any, path: str) -> str:
    if isinstance(value, float):
        return (
            ""
            if math.isfinite(value)
            else f"{path} is {'NaN' if math.isnan(value) else 'infinite'}"
        )
    if isinstance(value, int) and abs(value) >= _TOO_LARGE:
        return f"{path} is a whole number of more than {MAX_DIGITS:,} digits"
    try:
        form = plain(value)
    except (ValueError, TypeError, RecursionError) as error:
        why = error.args[0] if isinstance(error, NotJson) else refusal(value)
        return f"{path} is {why}"
    # What an object was converted to may hold NaN in its turn.
    looks_on = isinstance(form, float) or _is_container(form)
    return first_wrong(form, path) if looks_on else ""


def _is_container(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple | Set) or _is_record(value)


def _is_record(value: Any) -> bool:
    """Whether it is a dataclass or a model of pydantic, not the class of one."""
    return not isinstance(value, type) and (
        dataclasses.is_dataclass(value) or hasattr(value, "__pydantic_fields__")
    )


def items_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a container holds, each with how Python would name it."""
    if isinstance(value, Mapping):
        yield from ((_step(key), item) for key, item in value.items())
    elif isinstance(value, list | tuple | Set):
        yield from ((f"[{number}]", item) for number, item in enumerate(value))
    elif _is_record(value):
        yield from ((f".{name}", item) for name, item in _attributes(value))


def _attributes(value: Any) -> Iterable[tuple[str, Any]]:
    names = getattr(type(value), "__pydantic_fields__", None) or getattr(
        type(value), "__dataclass_fields__", {}
    )
    return [(name, getattr(value, name)) for name in names if hasattr(value, name)]


def _step(key: Any) -> str:
    return f".{key}" if isinstance(key, str) and key.isidentifier() else f"[{key!r}]"
