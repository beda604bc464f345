"""Validation errors as sentences for people."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import EmailStr, Field, HttpUrl

from jobs.catalog.signature import ArgSpec
from jobs.errors import InvalidArguments


def takes(
    count: Annotated[int, Field(ge=1, le=9)] = 1,
    share: Annotated[float, Field(gt=0, lt=2.5)] = 1.0,
    mode: Literal["fast", "careful"] = "fast",
    words: list[str] = [],  # noqa: B006
    mail: EmailStr | None = None,
    url: HttpUrl | None = None,
    name: Annotated[str, Field(max_length=3)] = "",
) -> None: ...


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("count", "x", "It must be a whole number."),
        ("count", 0, "It must be 1 or more."),
        ("count", 10, "It must be 9 or less."),
        ("share", 0, "It must be above 0."),
        ("share", 2.5, "It must be below 2.5."),
        ("mode", "slow", "It must be 'fast' or 'careful'."),
        ("words", 3, "It must be a list."),
        ("url", "example", "It must be a full address, such as https://example.org/."),
        ("url", "ftp://example.org", "It must begin with 'http' or 'https'."),
        ("name", "abcd", "It is too long: 3 characters at most."),
        ("other", 1, "There is no argument of this name."),
    ],
)
def test_each_kind_of_wrong_value_has_a_sentence(name: str, value: Any, said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        ArgSpec(takes).validate({name: value})
    assert [error["detail"] for error in caught.value.errors] == [said]


def test_the_reason_why_an_email_address_is_invalid_is_kept() -> None:
    with pytest.raises(InvalidArguments) as caught:
        ArgSpec(takes).validate({"mail": "ada"})
    detail = caught.value.errors[0]["detail"]
    assert detail.startswith("It must be an e-mail address. ")


def test_a_list_of_simple_values_has_the_kind_of_its_entries() -> None:
    items = {argument.name: argument.items for argument in ArgSpec(takes).arguments}
    assert items["words"] == "text"
    assert items["count"] is None
