"""What a task returned, as JSON; for a value that JSON cannot hold an error that says where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .json_forms import NotJson, plain
from .json_places import first_wrong, items_of
from .jsonutils import clean_json

__all__ = ["NotJson", "result_json"]

ROOT: Final = "result"


def result_json(value: Any) -> tuple[Any, str]:
    """Return what a task returned as plain JSON data, and the JSON text of that.

    Raises:
        NotJson: it holds something that JSON cannot express.
    """
    try:
        data, text = clean_json(plain(value))
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        # Only now look for the place: that takes many times as long.
        raise NotJson(first_wrong(value, ROOT) or f"{ROOT} cannot be written: {error}") from error
    if not _is_equal(data, value):
        _check_keys(value, ROOT)
    return data, text


def _is_equal(data: Any, value: Any) -> bool:
    """Whether nothing was converted, which is so for nearly all results and quick to see."""
    try:
        return bool(data == value)
    except Exception:  # noqa: BLE001  (an array compares each of its elements)
        return False


def _check_keys(value: Any, path: str) -> None:
    """Refuse keys that JSON writes alike, such as 1 and "1": one of the two would be lost."""
    if isinstance(value, Mapping):
        seen: dict[str, Any] = {}
        for key in value:
            (name,) = plain({key: 0})
            if name in seen:
                raise NotJson(f"{path} has the keys {seen[name]!r} and {key!r}, one name in JSON")
            seen[name] = key
    for step, item in items_of(value):
        _check_keys(item, path + step)
