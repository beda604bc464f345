"""The JSON form of objects that JSON does not know: of numpy, pandas, polars, torch.

Nothing of theirs is imported: an object is known by what it can do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, ItemsView, KeysView, ValuesView
from typing import Any, Final

from pydantic_core import to_jsonable_python


class NotJson(ValueError):
    """A value that JSON cannot hold; its text says where it is: ``result.rows[3].price is NaN``."""


def plain(value: Any) -> Any:
    """Return a value as lists, dicts, texts, numbers, booleans and None.

    Raises:
        ValueError, TypeError: JSON has no form for something in it.
    """
    return to_jsonable_python(
        value, inf_nan_mode="constants", bytes_mode="utf8", fallback=known_form
    )


def known_form(value: Any) -> Any:
    """Return the form in which an object of numpy, pandas, polars or torch is stored.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(value, range | KeysView | ValuesView | ItemsView):
        return list(value)
    if isinstance(value, memoryview):
        return value.tobytes()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    for name, convert in _FORMS.items():
        if callable(getattr(value, name, None)) and not isinstance(value, type):
            return convert(value)
    if type(value).__name__ == "NAType":  # pandas.NA
        return None
    if hasattr(value, "_proxy____cast"):  # a text that is translated when it is shown
        return str(value)
    raise TypeError(refusal(value))


def _array(value: Any) -> Any:
    """An array or a scalar of numpy or torch: lists, or one value; its dates in ISO 8601."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return value.astype(str).tolist() if kind in ("M", "m") else value.tolist()


def _series(value: Any) -> Any:
    """A series of pandas: an object if its index means something, otherwise a list."""
    missing = value.isna().tolist()
    items = [None if gone else item for item, gone in zip(value.tolist(), missing, strict=True)]
    if not hasattr(value, "index") or _is_count(value.index):
        return items
    return dict(zip(_names(value.index, "a series whose index has"), items, strict=True))


def _frame(value: Any) -> Any:
    """A data frame of pandas: a list of rows; an index that means something becomes a column."""
    frame = value if _is_count(value.index) else value.reset_index()
    names = _names(frame.columns, "a data frame whose columns have")
    columns = [
        _series(frame.iloc[:, number].reset_index(drop=True)) for number in range(len(names))
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _is_count(index: Any) -> bool:
    """Whether an index only counts the rows."""
    return type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1


def _names(index: Any, what: str) -> list[str]:
    """The names of columns or of rows, as keys of an object; those of several levels are joined."""
    names = [" ".join(map(str, n)) if isinstance(n, tuple) else str(n) for n in index.tolist()]
    if len(set(names)) < len(names):
        raise NotJson(f"{what} a name twice: rename one, or use .reset_index()")
    return names


_FORMS: Final[dict[str, Callable[[Any], Any]]] = {
    "to_dicts": lambda frame: frame.to_dicts(),  # polars
    "to_pylist": lambda table: table.to_pylist(),  # pyarrow
    "iterrows": _frame,
    "isna": _series,
    "tolist": _array,
    "asfreq": str,  # a period of pandas
}
"""How to convert what has a method of this name; the first that fits."""


def refusal(value: Any) -> str:
    """Return what a value is that JSON cannot hold, and what to do instead."""
    kind = type(value)
    if isinstance(value, bytes | bytearray):
        return "bytes that are no UTF-8: save them with context.save_artifact"
    if isinstance(value, BaseException):
        return f"an exception, {kind.__name__}: return its text, or raise it"
    if hasattr(value, "_meta") and hasattr(value, "pk"):
        return f"a model, {kind.__name__}: return its pk"
    if kind.__name__ == "NaTType":
        return "NaT, a missing time: return None"
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    name = module + kind.__qualname__
    if hasattr(value, "__await__"):
        return f"of type {name}: await it"
    return f"of type {name}, which JSON cannot hold"
