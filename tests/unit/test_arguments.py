"""Argument descriptions and the JSON schema of a signature, and signatures that are not valid."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import JobContext
from jobs.catalog.signature import ArgSpec, BadSignature
from jobs.errors import InvalidArguments
from tests.unit.signatures import (
    Bounded,
    argument,
    bounded,
    bounded_text,
    int_enum,
    integer,
    literal,
    many_choices,
    maybe_integer,
    text,
)


def test_an_argument_is_described() -> None:
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


def test_parameters_may_have_names_of_pydantics_methods() -> None:
    def awkward(json: int, copy: int, model_fields: int, schema: int, self: int) -> None: ...

    sent = {"json": 1, "copy": 2, "model_fields": 3, "schema": 4, "self": 5}
    spec = ArgSpec(awkward)
    assert spec.bind(spec.validate(sent).stored, {}) == sent


def test_the_context_is_not_an_argument() -> None:
    def told(context: JobContext, n: int) -> None: ...
    def plain(n: int, context: int) -> None: ...

    assert [one.name for one in ArgSpec(told).arguments] == ["n"]
    assert ArgSpec(told).takes_context
    assert not ArgSpec(plain).takes_context
    with pytest.raises(InvalidArguments):
        ArgSpec(told).validate({"n": 1, "context": "mine"})


def test_the_json_schema() -> None:
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


def test_characters_that_databases_reject_are_replaced() -> None:
    assert ArgSpec(text).validate({"value": "a\ud800\x00"}).stored == {"value": "a\ufffd\ufffd"}


def test_positional_arguments_become_named_ones() -> None:
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
def test_the_error_names_the_wrong_part_of_a_signature(function: Any, said: str) -> None:
    with pytest.raises(BadSignature) as caught:
        ArgSpec(function)
    assert said in str(caught.value)


def test_arguments_stored_before_the_signature_changed_are_rejected() -> None:
    with pytest.raises(InvalidArguments):
        ArgSpec(integer).bind({"old": 1}, {})
