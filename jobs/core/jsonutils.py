"""Convert values to JSON and text that every database can store."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final, NoReturn

from pydantic_core import to_json, to_jsonable_python

# Made once: ``json.dumps`` with options makes an encoder on each call.
_ENCODER: Final = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))
MAX_FAST_LENGTH: Final = 4_000
"""Longer texts may hold an integer of more than the 4,300 digits that Python parses."""


def jsonable(value: Any) -> Any:
    """Return the value as plain JSON data (dict, list, str, int, float, bool, None).

    Pydantic models, dataclasses, dates, enums, UUIDs, sets and tuples are converted.

    Raises:
        ValueError: it holds something that JSON cannot express (also an infinite number or NaN),
            is nested too deeply, or contains itself.
    """
    return storable(value)[0]


def storable(value: Any) -> tuple[Any, str]:
    """Return the value as plain JSON data, and the JSON text of that.

    Raises:
        ValueError: as ``jsonable``.
    """
    try:
        data = to_jsonable_python(value, inf_nan_mode="constants", bytes_mode="utf8")
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return clean_json(data)


def clean_json(data: Any) -> tuple[Any, str]:
    """Return JSON data without characters that databases reject, and its JSON text.

    Raises:
        ValueError: as ``jsonable``.
    """
    text = _encode_fast(data)
    if text is not None:
        return data, text
    try:
        text = _ENCODER.encode(data)
        if has_unstorable(text):
            data = _clean_data(data)
            text = _ENCODER.encode(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return data, text


def _encode_fast(data: Any) -> str | None:
    """Encode with pydantic's faster encoder; None where its result cannot be used.

    It does not report infinite numbers or integers with more digits than Python parses (4,300), and
    its error for a lone surrogate is not the one that is documented here.
    """
    try:
        text = to_json(data, inf_nan_mode="constants").decode()
    except ValueError:
        return None
    if len(text) > MAX_FAST_LENGTH:
        return None
    return None if "NaN" in text or "Infinity" in text or "\\u0000" in text else text


def has_unstorable(text: str) -> bool:
    """Whether the text holds a lone surrogate, or a NUL (as a character or as JSON's escape)."""
    if "\x00" in text or "\\u0000" in text:
        return True
    return not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text)


def clean(text: str) -> str:
    """Replace NULs and lone surrogates, which PostgreSQL or UTF-8 cannot store, by U+FFFD."""
    text = text.replace("\x00", "\ufffd")
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _clean_data(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean_data(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _clean_data(item) for key, item in value.items()}
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
    """Return the SHA-256 (hex) of the value's JSON with sorted keys: equal for equal JSON data."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
