"""Results of tasks: what is kept of each type, and where a value is that JSON cannot hold."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, deque
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from threading import Lock
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from jobs.core.result_json import NotJson, result_json

NAN, INF = float("nan"), float("inf")


@dataclasses.dataclass
class Row:
    price: float
    parts: list[Any] = dataclasses.field(default_factory=list)


class Model(BaseModel):
    price: float
    parts: list[Any] = []


class Pair(NamedTuple):
    a: float
    b: float


class Scalar:
    """What a number of numpy can do."""

    def __init__(self, value: Any, kind: str = "i") -> None:
        self._value = value
        self.dtype = type("dtype", (), {"kind": kind})()

    def tolist(self) -> Any:
        return self._value

    def astype(self, kind: type) -> Scalar:
        return Scalar(str(self._value))


def numbers() -> Iterator[int]:
    yield from (1, 2)


def holding_itself() -> dict[str, Any]:
    made: list[Any] = []
    made.append(made)
    return {"a": made}


def deep() -> list[Any]:
    made: list[Any] = []
    for _ in range(2000):
        made = [made]
    return made


async def coroutine() -> None: ...


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a": [1, 2.5, True, None, "x"]}, {"a": [1, 2.5, True, None, "x"]}),
        (Row(1.5, [Row(2.5)]), {"price": 1.5, "parts": [{"price": 2.5, "parts": []}]}),
        (Model(price=1.5), {"price": 1.5, "parts": []}),
        (Pair(1, 2), [1, 2]),
        ({1}, [1]),
        (deque([1]), [1]),
        (Counter("aab"), {"a": 2, "b": 1}),
        (range(3), [0, 1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.items(), [["a", 1]]),
        (b"text", "text"),
        (bytearray(b"text"), "text"),
        (memoryview(b"text"), "text"),
        (Decimal("1.10"), "1.10"),
        (PurePosixPath("/a"), "/a"),
        (date(2026, 3, 1), "2026-03-01"),
        (timedelta(seconds=1), "PT1S"),
        (
            {1: "a", None: "b", 2.5: "c", (1, 2): "d"},
            {"1": "a", "None": "b", "2.5": "c", "1,2": "d"},
        ),
        ("\ud800\x00", "\ufffd\ufffd"),
        (10**4000, 10**4000),
        (gettext_lazy("Yes"), "Yes"),
        ({"n": Scalar(3)}, {"n": 3}),
        (Scalar([[1, 2]]), [[1, 2]]),
        (Scalar("2026-03-01", "M"), "2026-03-01"),
    ],
)
def test_what_is_kept(value: Any, kept: Any) -> None:
    data, text = result_json(value)
    assert data == kept
    assert json.loads(text) == kept


def test_a_generator_is_a_list_and_its_own_error_stays_its_own() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise KeyError("row")

    assert result_json({"n": numbers()})[0] == {"n": [1, 2]}
    with pytest.raises(KeyError, match="row"):
        result_json(broken())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (NAN, "result is NaN"),
        ({"rows": [{}, {"price": NAN}]}, "result.rows[1].price is NaN"),
        ([-INF], "result[0] is infinite"),
        ({"odd key": {2: INF}}, "result['odd key'][2] is infinite"),
        (Row(1.0, [Row(NAN)]), "result.parts[0].price is NaN"),
        (Model(price=NAN), "result.price is NaN"),
        (Pair(1, NAN), "result[1] is NaN"),
        ({"x": Scalar([1, NAN])}, "result.x[1] is NaN"),
        ({"x": Scalar(NAN)}, "result.x is NaN"),
        ([b"\xff"], "result[0] is bytes that are no UTF-8: save them with context.save_artifact"),
        ({"n": -(10**5000)}, "result.n is a whole number of more than 4,300 digits"),
        ([ValueError("x")], "result[0] is an exception, ValueError: return its text, or raise it"),
        ([User(pk=1)], "result[0] is a model, User: return its pk"),
        ({"x": object()}, "result.x is of type object, which JSON cannot hold"),
        ([Row], "result[0] is of type type, which JSON cannot hold"),
        ([Lock()], "result[0] is of type _thread.lock, which JSON cannot hold"),
        ({1: "a", "1": "b"}, "result has the keys 1 and '1', one name in JSON"),
        (
            {"x": [{None: 1, "None": 2}]},
            "result.x[0] has the keys None and 'None', one name in JSON",
        ),
        (holding_itself(), "result.a[0] contains itself"),
    ],
)
def test_where_it_is_and_what_it_is(value: Any, words: str) -> None:
    with pytest.raises(NotJson) as caught:
        result_json(value)
    assert str(caught.value) == words


def test_one_that_is_too_deep_is_refused() -> None:
    with pytest.raises(NotJson, match="is nested too deeply"):
        result_json(deep())


def test_a_coroutine_that_was_not_awaited_is_refused() -> None:
    made = coroutine()
    with pytest.raises(NotJson, match="result is of type coroutine: await it"):
        result_json(made)
    made.close()


def test_the_same_object_twice_is_no_cycle() -> None:
    row = {"a": {1, 2}}
    assert result_json([row, row])[0] == [{"a": [1, 2]}] * 2


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="ab"), inner),
)


@given(JSON_VALUES)
def test_what_is_json_stays_as_it_is(value: Any) -> None:
    data, text = result_json(value)
    assert data == value
    assert json.loads(text) == value


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_numpy() -> None:
    np = pytest.importorskip("numpy")
    value = {"n": np.int64(3), "f": np.float64(1.5), "b": np.bool_(True), "m": np.eye(2)}
    assert result_json(value)[0] == {"n": 3, "f": 1.5, "b": True, "m": [[1.0, 0.0], [0.0, 1.0]]}
    times = np.array(["2026-03-01T12:00"], dtype="datetime64[s]")
    assert result_json(times)[0] == ["2026-03-01T12:00:00"]
    with pytest.raises(NotJson, match=r"result.a\[1\]\[0\] is NaN"):
        result_json({"a": np.array([[1.0], [NAN]])})


@pytest.mark.filterwarnings("ignore")
def test_pandas() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"name": ["a", "b"], "price": [1.5, None]})
    frame["when"] = pd.to_datetime(["2026-03-01", None])
    rows = [
        {"name": "a", "price": 1.5, "when": "2026-03-01T00:00:00"},
        {"name": "b", "price": None, "when": None},
    ]
    assert result_json(frame)[0] == rows
    assert result_json({"t": frame.set_index("name")})[0] == {"t": rows}
    assert result_json(frame["price"])[0] == [1.5, None]
    assert result_json(pd.Series(["x", "y", "x"]).value_counts())[0] == {"x": 2, "y": 1}
    assert result_json([pd.Timestamp("2026-03-01"), pd.NA])[0] == ["2026-03-01T00:00:00", None]
    assert result_json(pd.period_range("2026-01", periods=2, freq="M"))[0] == ["2026-01", "2026-02"]
    with pytest.raises(NotJson, match=r"result\[0\] is NaT"):
        result_json([pd.NaT])
    with pytest.raises(NotJson, match=r"result\.t is a data frame whose columns have a name twice"):
        result_json({"t": pd.DataFrame([[1, 2]], columns=["a", "a"])})
    with pytest.raises(NotJson, match="result is a series whose index has a name twice"):
        result_json(pd.Series([1, 2], index=["a", "a"]))
