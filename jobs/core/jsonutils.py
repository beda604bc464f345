"""JSON and text that any database can hold."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, NoReturn

from pydantic_core import to_json, to_jsonable_python

# Made once: ``json.dumps`` with options makes an encoder for each call.
_ENCODER: Final = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))
SHORT: Final = 4_000


def jsonable(value: Any) -> Any:
    """Return the value as plain JSON data (dict, list, str, int, float, bool, None).

    Pydantic models, dataclasses, dates, enums, UUIDs, sets and tuples are converted.

    Raises:
        ValueError: it holds something that is no JSON, an infinite number or NaN, is nested too
            deeply, or contains itself.
    """
    return storable(value)[0]


def storable(value: Any) -> tuple[Any, str]:
    """Return the value as ``jsonable`` does, and its JSON text.

    Raises:
        ValueError: as ``jsonable``.
    """
    try:
        plain = to_jsonable_python(value, inf_nan_mode="constants", bytes_mode="utf8")
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return written(plain)


def written(plain: Any) -> tuple[Any, str]:
    """Return JSON data, cleaned of what no database holds, and its text.

    Raises:
        ValueError: as ``jsonable``.
    """
    text = _written_fast(plain)
    if text is not None:
        return plain, text
    try:
        text = _ENCODER.encode(plain)
        if has_unstorable(text):
            plain = _scrubbed(plain)
            text = _ENCODER.encode(plain)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return plain, text


def _written_fast(plain: Any) -> str | None:
    """The text by a quicker encoder, where there is nothing special about it.

    It is silent about infinite numbers and about whole ones of more digits than Python reads
    (4,300), and refuses lone surrogates in words of its own.
    """
    try:
        text = to_json(plain, inf_nan_mode="constants").decode()
    except ValueError:
        return None
    special = len(text) > SHORT or "NaN" in text or "Infinity" in text or "\\u0000" in text
    return None if special else text


def has_unstorable(text: str) -> bool:
    """Whether the text holds a lone surrogate or, raw or escaped as in JSON, a NUL."""
    if "\x00" in text or "\\u0000" in text:
        return True
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)


def clean(text: str) -> str:
    """Replace what PostgreSQL or UTF-8 cannot hold (NUL, lone surrogates) by U+FFFD."""
    text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _scrubbed(item) for key, item in value.items()}
    return value


class NotJsonNumber(ValueError):
    """A constant that Python reads and JSON does not have: NaN, Infinity or -Infinity."""

    def __init__(self, constant: str) -> None:
        self.constant = constant
        super().__init__(f"{constant} is no number of JSON")


def reject_constant(constant: str) -> NoReturn:
    """Refuse a constant; the argument ``parse_constant`` of a JSON decoder.

    Raises:
        NotJsonNumber: always.
    """
    raise NotJsonNumber(constant)


def canonical_digest(value: Any) -> str:
    """Return the SHA-256 of the value's JSON with sorted keys: equal for the same JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
