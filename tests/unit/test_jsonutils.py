"""JSON and text that every database can store."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from jobs.core.jsonutils import canonical_digest, clean, has_unstorable, jsonable


class Point(BaseModel):
    x: int
    label: str = "a"


@dataclass
class Pair:
    left: int
    right: list[str]


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Point(x=1), {"x": 1, "label": "a"}),
        (Pair(1, ["a"]), {"left": 1, "right": ["a"]}),
        (Colour.RED, "red"),
        ((1, 2), [1, 2]),
        ({"a": datetime(2026, 1, 2, tzinfo=UTC)}, {"a": "2026-01-02T00:00:00Z"}),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({1: {"b"}}, {"1": ["b"]}),
        (b"bytes", "bytes"),
        (None, None),
    ],
)
def test_values_are_converted_to_json_data(value: Any, plain: Any) -> None:
    assert jsonable(value) == plain


def _endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def _deep() -> list[Any]:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        object(),
        float("nan"),
        float("-inf"),
        [float("inf")],
        _endless(),
        _deep(),
        lambda: 1,
        10**5000,
    ],
    ids=["object", "nan", "-inf", "inf", "endless", "deep", "lambda", "huge"],
)
def test_a_value_that_json_cannot_express_raises(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        jsonable(value)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain", "plain"),
        ("ünï", "ünï"),
        ("a\x00b", "a\ufffdb"),
        ("a\ud800", "a\ufffd"),
        ("\udc00a", "\ufffda"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud800x\ud800y", "\ufffdx\ufffdy"),
    ],
)
def test_characters_that_databases_reject_are_replaced(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text(st.characters(codec=None, categories=None)))
def test_any_text_can_be_stored_after_cleaning(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert "\x00" not in cleaned
    assert not has_unstorable(cleaned) or "\\u0000" in cleaned
    assert clean(cleaned) == cleaned


def test_keys_and_values_at_any_depth_are_cleaned() -> None:
    assert jsonable({"a\x00": [{"b": "\ud800"}]}) == {"a\ufffd": [{"b": "\ufffd"}]}


def test_an_escaped_backslash_is_not_taken_for_a_nul() -> None:
    assert jsonable(["\\u0000"]) == ["\\u0000"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_json_data_is_unchanged(value: Any) -> None:
    text = json.dumps(value)
    if not has_unstorable(json.dumps(value, ensure_ascii=False)):
        assert json.dumps(jsonable(value)) == text


def test_equal_json_has_an_equal_digest() -> None:
    assert canonical_digest({"a": 1, "b": [1, 2]}) == canonical_digest({"b": [1, 2], "a": 1})
    assert canonical_digest([1, 2]) != canonical_digest([2, 1])
    assert canonical_digest({"a": "1"}) != canonical_digest({"a": 1})
    assert len(canonical_digest("\ud800")) == 64
