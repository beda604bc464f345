"""Strict JSON: no name twice, no NaN, nothing that a database cannot hold.

Python's decoder accepts more than RFC 8259 allows and keeps the last of two equal names; such
JSON is refused here instead of being guessed at (RFC 7493, I-JSON).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from jobs.catalog.pointer import escape_pointer
from jobs.core.jsonutils import NotJsonNumber, reject_constant

from .problems import INVALID, MALFORMED, ApiError

MAX_DEPTH: Final = 100


class _Ambiguous(ValueError):
    """JSON that Python reads and another program may read otherwise; the text says why."""


def parse(data: bytes, nested_at: str = "/args") -> Any:
    """Return the value of a JSON text.

    Args:
        data: the text.
        nested_at: a pointer to what alone can be nested in it.

    Raises:
        ApiError: 400 for a text that is no JSON or ambiguous, 422 for a value that is nested too
            deeply or holds text that cannot be stored.
    """
    try:
        text = data.decode("utf-8-sig")
        value = _DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise ApiError(MALFORMED, f"The JSON is not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ApiError(MALFORMED, f"The JSON is broken at {where}: {error.msg}.") from error
    except NotJsonNumber as error:
        detail = f"The JSON holds {error.constant}, which is no JSON number."
        raise ApiError(MALFORMED, detail) from error
    except _Ambiguous as error:
        raise ApiError(MALFORMED, str(error)) from error
    except ValueError as error:
        # Python refuses whole numbers of more than 4,300 digits.
        raise ApiError(MALFORMED, "The JSON holds a number with too many digits.") from error
    except RecursionError as error:
        # The decoder does not say where.
        raise _refused(nested_at, _TOO_DEEP) from error
    _check(text, value)
    return value


_TOO_DEEP: Final = f"It is nested deeper than {MAX_DEPTH} levels."


def _check(text: str, value: Any) -> None:
    """Refuse depth and unstorable text. Most texts show at once that there is neither."""
    if text.count("[") + text.count("{") <= MAX_DEPTH and "\\u" not in text:
        return
    for pointer, depth, item in _walk(value):
        if depth > MAX_DEPTH:
            raise _refused("/" + pointer[1:].partition("/")[0], _TOO_DEEP)
        if isinstance(item, str) and _is_unstorable(item):
            raise _refused(
                pointer, "It holds a NUL or half a surrogate pair: no such text is kept."
            )


def _walk(value: Any) -> Iterator[tuple[str, int, Any]]:
    """Every value and every name inside, with its pointer and depth; without recursion."""
    pending = [("", 1, value)]
    while pending:
        pointer, depth, item = pending.pop()
        yield pointer, depth, item
        if isinstance(item, dict):
            for name, inner in item.items():
                yield pointer, depth, name
                pending.append((f"{pointer}/{escape_pointer(name)}", depth + 1, inner))
        elif isinstance(item, list):
            pending += [(f"{pointer}/{i}", depth + 1, inner) for i, inner in enumerate(item)]


def _is_unstorable(text: str) -> bool:
    return "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


def _refused(pointer: str, detail: str) -> ApiError:
    return ApiError(INVALID, detail, errors=[{"pointer": pointer, "detail": detail}])


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Ambiguous(f"The JSON gives {name[:100]!a} twice.")
            seen.add(name)
    return found


def _finite_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Ambiguous("The JSON holds a number that is too large.")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_names, parse_float=_finite_float, parse_constant=reject_constant
)
