"""JSON that means one thing: no name twice, no NaN, nothing that a database cannot hold.

Python's reader takes more than RFC 8259 allows and keeps the last of two equal names; what a
sender did not mean is refused here instead of being guessed at (RFC 7493, I-JSON).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from jobs.catalog.signature import escape_pointer

from .problems import INVALID, MALFORMED, ApiError

MAX_DEPTH: Final = 100


class _Broken(ValueError):
    """What no reader of ours takes; the text says why."""


def parse(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        ApiError: 400 for what is no (or ambiguous) JSON, 422 for a value that is nested too
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
    except _Broken as error:
        raise ApiError(MALFORMED, str(error)) from error
    except ValueError as error:
        # Python refuses whole numbers of more than 4,300 digits.
        raise ApiError(MALFORMED, "The JSON holds a number with too many digits.") from error
    except RecursionError as error:
        # Too deep even to say where; a request nests nowhere but in its arguments.
        raise _refused("/args", _TOO_DEEP) from error
    _check(text, value)
    return value


_TOO_DEEP: Final = f"It is nested deeper than {MAX_DEPTH} levels."


def _check(text: str, value: Any) -> None:
    """Look into the value only when its text gives a reason to: most requests give none."""
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
    waiting = [("", 1, value)]
    while waiting:
        pointer, depth, item = waiting.pop()
        yield pointer, depth, item
        if isinstance(item, dict):
            for name, inner in item.items():
                yield pointer, depth, name
                waiting.append((f"{pointer}/{escape_pointer(name)}", depth + 1, inner))
        elif isinstance(item, list):
            waiting += [(f"{pointer}/{i}", depth + 1, inner) for i, inner in enumerate(item)]


def _is_unstorable(text: str) -> bool:
    return "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text)


def _refused(pointer: str, detail: str) -> ApiError:
    return ApiError(INVALID, detail, errors=[{"pointer": pointer, "detail": detail}])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Broken(f"The JSON gives {name[:100]!a} twice.")
            seen.add(name)
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Broken("The JSON holds a number that is too large.")
    return number


def _no_number(text: str) -> NoReturn:
    raise _Broken(f"The JSON holds {text}, which is no JSON number.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_finite, parse_constant=_no_number
)
