"""A function's signature as validation and values, for every type a task may take."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import BaseModel, HttpUrl

from jobs import InputFile
from jobs.catalog.signature import ArgSpec
from jobs.errors import InvalidArguments
from tests.unit.signatures import (
    UPLOAD,
    Address,
    Colour,
    Level,
    Size,
    anything,
    argument,
    boolean,
    bounded,
    bounded_text,
    constant,
    data_class,
    day,
    enum,
    file,
    files,
    int_enum,
    integer,
    literal,
    literal_numbers,
    long_text,
    mail,
    many_choices,
    maybe_enum,
    maybe_file,
    maybe_integer,
    maybe_model,
    maybe_text,
    model,
    models,
    moment,
    number,
    numbers,
    text,
    texts,
    url,
    wide_text,
)

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
