"""A function's signature as validation, JSON schema and fields, for every type a task may take."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, EmailStr, Field, HttpUrl

from jobs import InputFile, JobContext, LongText
from jobs.catalog.arguments import Argument
from jobs.catalog.signature import ArgSpec, BadSignature
from jobs.errors import InvalidArguments


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(int, Enum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    street: str
    number: int = 1


@dataclass
class Size:
    width: int
    height: int


UPLOAD = "01890a5d-ac96-774b-bcce-b302099a8057"
Bounded = Annotated[int, Field(ge=1, le=9, title="How many", description="From one to nine.")]


def text(value: str) -> None: ...
def bounded_text(value: Annotated[str, Field(max_length=20)]) -> None: ...
def wide_text(value: Annotated[str, Field(max_length=2000)]) -> None: ...
def long_text(value: LongText) -> None: ...
def integer(value: int) -> None: ...
def bounded(value: Bounded) -> None: ...
def number(value: float) -> None: ...
def decimal(value: Decimal) -> None: ...
def boolean(value: bool) -> None: ...
def literal(value: Literal["a", "b"]) -> None: ...
def literal_numbers(value: Literal[1, 2]) -> None: ...
def constant(value: Literal["only"]) -> None: ...
def enum(value: Colour) -> None: ...
def int_enum(value: Level) -> None: ...
def many_choices(value: list[Literal["a", "b"]]) -> None: ...
def texts(value: list[str]) -> None: ...
def numbers(value: dict[str, int]) -> None: ...
def model(value: Address) -> None: ...
def models(value: list[Address]) -> None: ...
def data_class(value: Size) -> None: ...
def moment(value: datetime) -> None: ...
def day(value: date) -> None: ...
def mail(value: EmailStr) -> None: ...
def url(value: HttpUrl) -> None: ...
def file(value: InputFile) -> None: ...
def files(value: list[InputFile]) -> None: ...
def anything(value: Any) -> None: ...
def maybe_text(value: str | None = None) -> None: ...
def maybe_integer(value: int | None = None) -> None: ...
def maybe_enum(value: Colour | None = None) -> None: ...
def maybe_file(value: InputFile | None = None) -> None: ...
def maybe_model(value: Address | None = None) -> None: ...


CASES: list[tuple[Any, str, Any, Any, Any]] = [
    # function, kind, what is sent, what is stored, what the function gets
    (text, "text", "a", "a", "a"),
    (bounded_text, "text", "a", "a", "a"),
    (wide_text, "longtext", "a", "a", "a"),
    (long_text, "longtext", "a\nb", "a\nb", "a\nb"),
    (integer, "integer", 7, 7, 7),
    (integer, "integer", "7", 7, 7),
    (bounded, "integer", 9, 9, 9),
    (number, "number", 0.5, 0.5, 0.5),
    (number, "number", 2, 2.0, 2.0),
    (boolean, "boolean", True, True, True),
    (boolean, "boolean", "false", False, False),
    (literal, "choice", "a", "a", "a"),
    (literal_numbers, "choice", 2, 2, 2),
    (constant, "choice", "only", "only", "only"),
    (enum, "choice", "red", "red", Colour.RED),
    (int_enum, "choice", 2, 2, Level.HIGH),
    (many_choices, "choice", ["b", "a"], ["b", "a"], ["b", "a"]),
    (texts, "json", ["x", ""], ["x", ""], ["x", ""]),
    (numbers, "json", {"a": 1}, {"a": 1}, {"a": 1}),
    (model, "json", {"street": "s"}, {"street": "s", "number": 1}, Address(street="s")),
    (models, "json", [{"street": "s"}], [{"street": "s", "number": 1}], [Address(street="s")]),
    (data_class, "json", {"width": 1, "height": 2}, {"width": 1, "height": 2}, Size(1, 2)),
    (
        moment,
        "datetime",
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z",
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    ),
    (day, "date", "2026-01-02", "2026-01-02", date(2026, 1, 2)),
    (mail, "email", "ada@example.org", "ada@example.org", "ada@example.org"),
    (
        url,
        "url",
        "https://example.org/a",
        "https://example.org/a",
        HttpUrl("https://example.org/a"),
    ),
    (anything, "json", {"a": [1, None]}, {"a": [1, None]}, {"a": [1, None]}),
    (maybe_text, "text", None, None, None),
    (maybe_text, "text", "a", "a", "a"),
    (maybe_integer, "integer", None, None, None),
    (maybe_integer, "integer", 3, 3, 3),
    (maybe_enum, "choice", "blue", "blue", Colour.BLUE),
    (maybe_enum, "choice", None, None, None),
    (maybe_model, "json", {"street": "s"}, {"street": "s", "number": 1}, Address(street="s")),
]


def argument(function: Any) -> Argument:
    found: list[Argument] = ArgSpec(function).arguments
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(("function", "kind", "sent", "stored", "got"), CASES)
def test_every_type_comes_through(
    function: Any, kind: str, sent: Any, stored: Any, got: Any
) -> None:
    spec = ArgSpec(function)
    assert argument(function).kind == kind
    validated = spec.validate({"value": sent})
    assert validated.stored == {"value": stored}
    assert validated.uploads == []
    again = json.loads(json.dumps(validated.stored))
    assert spec.bind(again, {}) == {"value": got}
    assert spec.validate(again).stored == validated.stored


@pytest.mark.parametrize(
    ("function", "sent"),
    [
        *((text, 3), (text, None), (text, ["a"]), (bounded_text, "x" * 21), (integer, "x")),
        *((integer, 1.5), (integer, None), (bounded, 0), (bounded, 10), (number, "x")),
        *((number, "nan"), (number, float("inf")), (boolean, "perhaps"), (literal, "c")),
        *((enum, "green"), (enum, "RED"), (many_choices, ["c"]), (many_choices, "a")),
        *((texts, "x"), (texts, [1]), (numbers, {"a": "x"}), (model, {}), (model, "s")),
        *((model, {"street": "s", "number": "x"}), (moment, "tomorrow"), (day, "2026-02-30")),
        *((mail, "ada"), (mail, "a@b\r\nBcc: c@d"), (url, "ftp://x"), (url, "x")),
        *((maybe_integer, "x"), (maybe_enum, "green"), (file, "/etc/passwd"), (file, {})),
        *((file, {"upload": "x"}), (file, {"upload": UPLOAD, "path": "/etc"}), (file, None)),
    ],
)
def test_what_does_not_fit_is_pointed_at(function: Any, sent: Any) -> None:
    with pytest.raises(InvalidArguments) as caught:
        ArgSpec(function).validate({"value": sent})
    for problem in caught.value.errors:
        assert problem["pointer"] == "" or problem["pointer"].startswith("/value")
        assert problem["detail"].endswith((".", ")")) or problem["detail"]


def test_pointers_lead_to_the_place() -> None:
    def order(lines: list[dict[str, int]], to: Address, n: int) -> None: ...

    with pytest.raises(InvalidArguments) as caught:
        ArgSpec(order).validate({"lines": [{"a/b~c": "x"}], "to": {"number": "y"}, "other": 1})
    assert {problem["pointer"] for problem in caught.value.errors} == {
        *("/lines/0/a~1b~0c", "/to/street", "/to/number", "/n", "/other")
    }


@pytest.mark.parametrize("raw", [None, [], "x", 3, [["n", 1]]])
def test_arguments_that_are_no_object_are_refused(raw: Any) -> None:
    with pytest.raises(InvalidArguments):
        ArgSpec(integer).validate(raw)


def test_a_file_is_a_reference_before_and_a_path_inside_the_task() -> None:
    spec = ArgSpec(files)
    sent = {"value": [{"upload": UPLOAD}, {"upload": UPLOAD}]}
    validated = spec.validate(sent)
    assert validated.stored == sent
    assert validated.uploads == [uuid.UUID(UPLOAD)]
    assert spec.takes_files
    assert argument(files).kind == "file"
    assert argument(files).multiple
    assert argument(maybe_file).nullable

    unknown = spec.bind(validated.stored, {})["value"][0]
    assert UPLOAD in repr(unknown)
    with pytest.raises(RuntimeError, match="inside its running task"):
        unknown.name  # noqa: B018
    known = spec.bind(
        validated.stored, {UPLOAD: {"name": "a.log", "size": 3, "file": "uploads/x"}}
    )["value"][0]
    assert (known.name, known.size, repr(known)) == ("a.log", 3, "InputFile('a.log')")
    assert known.path.parts[-2:] == ("uploads", "x")


def test_uploads_are_found_at_any_depth() -> None:
    class Parcel(BaseModel):
        inside: list[InputFile]

    def send(parcels: dict[str, Parcel], label: InputFile | None = None) -> None: ...

    send.__annotations__ = {"parcels": dict[str, Parcel], "label": InputFile | None}
    sent = {"parcels": {"a": {"inside": [{"upload": UPLOAD}]}}, "label": None}
    assert ArgSpec(send).validate(sent).uploads == [uuid.UUID(UPLOAD)]


def test_what_a_field_tells() -> None:
    found = argument(bounded)
    assert (found.title, found.help) == ("How many", "From one to nine.")
    assert (found.minimum, found.maximum, found.required) == (1, 9, True)
    assert argument(bounded_text).max_length == 20
    assert argument(literal).choices == (("a", "a"), ("b", "b"))
    assert argument(int_enum).choices == ((1, "1"), (2, "2"))
    assert argument(many_choices).multiple
    assert argument(maybe_integer).default is None
    assert not argument(maybe_integer).required
    assert argument(maybe_integer).nullable
    assert not argument(integer).nullable


def test_required_fields_come_first_and_names_become_titles() -> None:
    def mixed(first: int = 1, *, second_one: str, third: bool = False) -> None: ...

    found = ArgSpec(mixed).arguments
    assert [one.name for one in found] == ["second_one", "first", "third"]
    assert [one.title for one in found] == ["Second one", "First", "Third"]
    assert found[1].default == 1
    stored = ArgSpec(mixed).validate({"second_one": "x"}).stored
    assert stored == {"first": 1, "second_one": "x", "third": False}


def test_names_that_pydantic_has_for_itself_are_names_like_others() -> None:
    def awkward(json: int, copy: int, model_fields: int, schema: int, self: int) -> None: ...

    sent = {"json": 1, "copy": 2, "model_fields": 3, "schema": 4, "self": 5}
    spec = ArgSpec(awkward)
    assert spec.bind(spec.validate(sent).stored, {}) == sent


def test_the_context_is_no_argument() -> None:
    def told(context: JobContext, n: int) -> None: ...
    def plain(n: int, context: int) -> None: ...

    assert [one.name for one in ArgSpec(told).arguments] == ["n"]
    assert ArgSpec(told).takes_context
    assert not ArgSpec(plain).takes_context
    with pytest.raises(InvalidArguments):
        ArgSpec(told).validate({"n": 1, "context": "mine"})


def test_the_schema_is_for_other_programs() -> None:
    schema = ArgSpec(bounded).json_schema
    assert schema["properties"]["value"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "title": "How many",
        "description": "From one to nine.",
    }
    assert schema["required"] == ["value"]
    assert schema["additionalProperties"] is False


def test_what_no_database_holds_is_replaced() -> None:
    assert ArgSpec(text).validate({"value": "a\ud800\x00"}).stored == {"value": "a\ufffd\ufffd"}


def test_a_call_by_position_becomes_one_by_name() -> None:
    def area(width: int, height: int, *, unit: str = "cm") -> None: ...

    spec = ArgSpec(area)
    assert spec.by_name((1, 2), {"unit": "m"}) == {"width": 1, "height": 2, "unit": "m"}
    with pytest.raises(InvalidArguments, match="3 arguments at most"):
        spec.by_name((1, 2, "m", 4), {})
    with pytest.raises(InvalidArguments, match="given twice"):
        spec.by_name((1,), {"width": 2})


def bare(value) -> None: ...  # type: ignore[no-untyped-def]
def gathered(*values: int) -> None: ...
def named(**values: int) -> None: ...
def positional(value: int, /) -> None: ...
def unreadable(value: NoSuchType) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def no_json_default(value: Any = object) -> None: ...
def endless_default(value: float = float("inf")) -> None: ...
def wrong_default(value: int = "x") -> None: ...  # type: ignore[assignment]
def out_of_bounds(value: Bounded = 10) -> None: ...
def a_lock(value: type(lambda: 0)) -> None: ...  # type: ignore[valid-type]


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (bare, "the parameter 'value' has no type annotation"),
        (gathered, "the parameter 'values' must be one that can be given by name"),
        (named, "the parameter 'values' must be one that can be given by name"),
        (positional, "the parameter 'value' must be one that can be given by name"),
        (unreadable, "its annotations cannot be read"),
        (no_json_default, "the default of 'value' is no JSON"),
        (endless_default, "the default of 'value' is no JSON"),
        (wrong_default, "the default of 'value' does not fit its type"),
        (out_of_bounds, "the default of 'value' does not fit its type"),
        (a_lock, "a type cannot be validated"),
    ],
)
def test_a_signature_that_cannot_be_right_says_which_part(function: Any, said: str) -> None:
    with pytest.raises(BadSignature) as caught:
        ArgSpec(function)
    assert said in str(caught.value)


def test_what_was_recorded_before_the_signature_changed_fits_no_longer() -> None:
    with pytest.raises(InvalidArguments):
        ArgSpec(integer).bind({"old": 1}, {})
