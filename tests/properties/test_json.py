"""JSON data and its text are the same thing, by either encoder."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.core.jsonutils import clean, clean_json

TEXTS = st.text() | st.sampled_from(["NaN", "-Infinity", "\x00", "\\u0000", "\ud800", "é" * 3_000])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): cleaned(item) for key, item in value.items()}
    return value


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    plain, text = clean_json(value)
    assert plain == cleaned(value)
    assert json.loads(text) == plain
    assert "\x00" not in text
    assert text.encode("utf-8")
