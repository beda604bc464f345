"""The type of an argument comes back in the task, or it is refused with the reason."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType

import pytest
from django.contrib.auth.models import User
from django.db.models import TextChoices
from django.utils.safestring import SafeString, mark_safe
from pydantic import AfterValidator, BaseModel, EmailStr, Field, HttpUrl, SecretStr
from typing_extensions import TypedDict  # pydantic needs it before Python 3.12

from jobs import InputFile
from jobs.catalog.round_trip import is_exact
from jobs.catalog.signature import ArgSpec
from jobs.errors import InvalidArguments, UnsupportedType
from jobs.submission.plain_arguments import plain_arguments


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 2


class Word(StrEnum):
    ONE = "one"


class Choice(TextChoices):
    A = "a", "The first"


class Pair(Enum):
    BOTH = (1, 2)


class Name(str):
    __slots__ = ()


class Address(BaseModel):
    street: str
    since: date | None = None


class Office(Address):
    floor: int = 0


class Tree(BaseModel):
    children: list[Tree] = []


class Loose(BaseModel, extra="allow"):
    name: str


@dataclass
class Size:
    width: Decimal


@dataclass(slots=True)
class Slotted:
    width: Decimal


class Options(TypedDict, total=False):
    when: date


Number = NewType("Number", int)
KEY = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")
DAY = date(2026, 11, 21)
NAIVE = datetime(2026, 11, 21, 14, 30, 1, 5)  # noqa: DTZ001
AWARE = datetime(2026, 11, 21, 14, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))


def spec_for(hint: Any) -> ArgSpec:
    def task(value: Any) -> None: ...

    task.__annotations__["value"] = hint
    return ArgSpec(task)


def arrives(hint: Any, value: Any) -> Any:
    spec = spec_for(hint)
    return spec.bind(spec.validate({"value": value}).stored, {})["value"]


ROUND: list[tuple[Any, Any]] = [
    (date, DAY),
    (date | None, DAY),
    (date | None, None),
    (datetime, NAIVE),
    (datetime, AWARE),
    (datetime, datetime.max),  # noqa: DTZ901
    (time, time(1, 2, 3, 4)),
    (timedelta, timedelta(days=-1, microseconds=1)),
    (Decimal, Decimal("1.10")),
    (uuid.UUID, KEY),
    (Path, Path("a") / "b"),
    (bytes, b"text"),
    (float, 1e300),
    (int | str, 7),
    (int | str, "7"),
    (float | int, 1.0),
    (float | int, 1),
    (bool | int, True),
    (date | int, DAY),
    (date | str, "2026-11-21"),
    (uuid.UUID | str, str(KEY)),
    (Colour, Colour.RED),
    (Level, Level.HIGH),
    (Word, Word.ONE),
    (Choice, Choice.A),
    (Colour | None, Colour.RED),
    (Literal["a", 1], 1),
    (Number, Number(3)),
    (tuple[int, str], (1, "a")),
    (tuple[date, ...], (DAY, DAY)),
    (set[int], {1, 2}),
    (set[date], {DAY}),
    (frozenset[str], frozenset("ab")),
    (dict[uuid.UUID, int], {KEY: 1}),
    (dict[int, date], {1: DAY}),
    (dict[date, list[Decimal]], {DAY: [Decimal(1)]}),
    (dict[str, Any], {"a": [1, None, {"b": 0.5}]}),
    (list[dict[str, Any]], [{"a": 1}]),
    (Sequence[int], [1]),
    (Mapping[str, int], {"a": 1}),
    (dict, {"a": 1}),
    (list, ["a"]),
    (Any, "text"),
    (Any, None),
    (object, [1.5]),
    (Address, Address(street="s", since=DAY)),
    (Address | None, Address(street="s")),
    (Tree, Tree(children=[Tree()])),
    (list[Address], [Address(street="s")]),
    (Loose, Loose.model_validate({"name": "n", "more": 1})),
    (Size, Size(Decimal("0.1"))),
    (Slotted, Slotted(Decimal("0.1"))),
    (Options, {"when": DAY}),
    (EmailStr, "ada@example.org"),
    (HttpUrl, HttpUrl("https://example.org/")),
    (InputFile, InputFile(KEY)),
    (Annotated[int, Field(ge=1)], 3),
    (Annotated[str, AfterValidator(str.upper)], "A"),
]


@pytest.mark.parametrize(("hint", "value"), ROUND)
def test_what_arrives_is_what_was_given(hint: Any, value: Any) -> None:
    found = arrives(hint, value)
    assert type(found) is type(value)
    assert found == value


REFUSED: list[tuple[Any, Any, str, str]] = [
    # the type, what is given, where it is refused, what is said
    (date | str, DAY, "", "This date would arrive as str"),
    (uuid.UUID | str, KEY, "", "This UUID would arrive as str"),
    (Path | str, Path("a"), "", "would arrive as str"),
    (Decimal | str, Decimal(1), "", "This Decimal would arrive as str"),
    (timedelta | str, timedelta(1), "", "This timedelta would arrive as str"),
    (bytes | str, b"a", "", "This bytes would arrive as str"),
    (tuple | list, (1, 2), "", "This tuple would arrive as list"),
    (set[int] | list[int], {1}, "", "This set would arrive as list"),
    (Any, DAY, "", "This date would arrive as str"),
    (Any, KEY, "", "This UUID would arrive as str"),
    (Any, (1, 2), "", "This tuple would arrive as list"),
    (Any, {1}, "", "This set would arrive as list"),
    (Any, b"a", "", "This bytes would arrive as str"),
    (Any, timedelta(1), "", "This timedelta would arrive as str"),
    (Any, Decimal(1), "", "This Decimal would arrive as str"),
    (Any, Colour.RED, "", "This Colour would arrive as str"),
    (Any, Level.HIGH, "", "This Level would arrive as int"),
    (Any, Word.ONE, "", "This Word would arrive as str"),
    (Any, Name("n"), "", "This Name would arrive as str"),
    (Any, Size(Decimal(1)), "", "This Size would arrive as dict"),
    (Any, Address(street="s"), "", "This Address would arrive as dict"),
    (Any, {1: "a"}, "", "This int would arrive as str"),
    (Any, {"a": [0, {"b/c": DAY}]}, "/a/1/b~1c", "This date would arrive as str"),
    (dict, {"when": DAY}, "/when", "This date would arrive as str"),
    (dict, {KEY: 1}, "", "This UUID would arrive as str"),
    (list, [1, AWARE], "/1", "This datetime would arrive as str"),
    (list[Any], [DAY], "/0", "This date would arrive as str"),
    (dict[str, date | str], {"a": DAY}, "/a", "This date would arrive as str"),
    (Loose, Loose.model_validate({"name": "n", "more": DAY}), "/more", "would arrive as str"),
    (Address, Office(street="s"), "", "This Office would arrive as Address"),
    (list[Address], [Office(street="s")], "/0", "This Office would arrive as Address"),
    (Pair, Pair.BOTH, "", "As JSON it no longer fits"),
    (SecretStr, SecretStr("s"), "", "would not arrive as it was given"),
    (bytes, b"a\x00", "", "would not arrive as it was given"),
    (bytes, b"\xff", "", "Bytes must be UTF-8"),
    (Any, [b"\xff"], "/0", "Bytes must be UTF-8"),
    (float, float("nan"), "", "finite number"),
    (Any, {"a": float("inf")}, "/a", "finite number"),
    (Any, object(), "", "This object cannot be stored as JSON"),
    (Any, [1, {"a": object()}], "/1/a", "This object cannot be stored as JSON"),
    (Any, [1 + 2j], "/0", "complex"),
    (Any, User(pk=7), "", "This User cannot be stored as JSON: give its primary key"),
]


@pytest.mark.parametrize(("hint", "value", "at", "said"), REFUSED)
def test_what_would_arrive_as_something_else_is_refused(
    hint: Any, value: Any, at: str, said: str
) -> None:
    with pytest.raises(TypeError) as caught:
        arrives(hint, value)
    error = caught.value
    assert isinstance(error, UnsupportedType)
    assert isinstance(error, InvalidArguments)
    [only] = error.errors
    assert only["pointer"] == f"/value{at}"
    assert said in only["detail"]


def test_text_that_is_marked_safe_is_text() -> None:
    assert type(mark_safe("a")) is SafeString
    assert type(arrives(Any, mark_safe("a"))) is str
    assert arrives(dict, {"html": mark_safe("a")}) == {"html": "a"}


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(InvalidArguments):
        arrives(Any, loop)


@pytest.mark.parametrize("hint", [str, int, date | None, list[int], dict[str, float], Colour])
def test_a_signature_that_says_it_all_costs_a_submission_nothing(
    hint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_for(hint)
    monkeypatch.setattr(spec, "_require_round_trip", None)
    value = {str: "a", int: 1, list[int]: [1], dict[str, float]: {"a": 1.5}, Colour: "red"}
    assert spec.validate({"value": value.get(hint)}).stored


@pytest.mark.parametrize("value", ["a", {"a": [1, None, {"b": 0.5}]}, [[]], True])
def test_json_data_costs_little_whatever_the_signature_says(
    value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_for(Any)
    monkeypatch.setattr(spec, "_require_round_trip", None)
    assert spec.validate({"value": value}).stored == {"value": value}


@pytest.mark.parametrize(
    "schema", [{"type": "unknown"}, {"type": "list"}, {"type": "dict"}, {"type": "any"}]
)
def test_what_is_not_known_to_come_back_is_tried(schema: Any) -> None:
    assert not is_exact(schema)


# --- Django's own tasks -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("a", "a"),
        ((1, 2), [1, 2]),
        ([1.5, None, True], [1.5, None, True]),
        ({"a": {"b": (1,)}}, {"a": {"b": [1]}}),
        (b"a", "a"),
        (Level.HIGH, 2),
        (Choice.A, "a"),
        (range(2), [0, 1]),
    ],
)
def test_a_plain_task_gets_what_djangos_backends_make_of_it(given: Any, stored: Any) -> None:
    assert plain_arguments([given], {"k": given}) == ([stored], {"k": stored})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (DAY, "Unsupported type: <class 'datetime.date'>"),
        (AWARE, "Unsupported type: <class 'datetime.datetime'>"),
        (KEY, "Unsupported type: <class 'uuid.UUID'>"),
        (Decimal(1), "Unsupported type: <class 'decimal.Decimal'>"),
        (timedelta(1), "Unsupported type: <class 'datetime.timedelta'>"),
        ({1}, "Unsupported type: <class 'set'>"),
        (Colour.RED, "Unsupported type"),
        (Size(Decimal(1)), "Unsupported type"),
        (Address(street="s"), "Unsupported type"),
        (object(), "Unsupported type: <class 'object'>"),
        (User(pk=7), "Unsupported type"),
        (lambda: 1, "Unsupported type"),
        (b"\xff", "Unsupported value: <class 'bytes'>"),
        (float("nan"), "finite number"),
        (float("-inf"), "finite number"),
        ({1: "a"}, "Unsupported type of a key: <class 'int'>"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: ["a", value]])
def test_a_plain_task_refuses_what_django_refuses(
    value: Any, said: str, wrap: Callable[[Any], Any]
) -> None:
    with pytest.raises(TypeError, match=said) as caught:
        plain_arguments([], {"k": wrap(value)})
    assert isinstance(caught.value, UnsupportedType)
    assert caught.value.errors[0]["pointer"].startswith("/kwargs/k")


def test_a_plain_task_refuses_what_is_nested_too_deeply() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(UnsupportedType, match="nested too deeply"):
        plain_arguments([loop], {})


def test_a_number_with_more_digits_than_python_writes_is_refused_as_no_json() -> None:
    with pytest.raises(UnsupportedType, match="It is no JSON"):
        plain_arguments([10**5000], {})
