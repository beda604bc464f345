"""Examples drawn from a schema."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, EmailStr

from jobs.catalog.signature import ArgSpec
from jobs.web.forms.placeholder import placeholder


class Part(BaseModel):
    name: str
    mail: EmailStr | None = None


class Order(BaseModel):
    parts: list[Part]
    mode: Literal["fast", "slow"]
    count: int = 3


class Tree(BaseModel):
    children: list[Tree]


def takes(
    order: Order, tree: Tree, levels: dict[str, int], maybe: Order | None, anything: Any
) -> None: ...


@pytest.mark.parametrize(
    ("name", "example"),
    [
        (
            "order",
            {"parts": [{"name": "text", "mail": "ada@example.org"}], "mode": "fast", "count": 3},
        ),
        ("levels", {"name": 0}),
        (
            "maybe",
            {"parts": [{"name": "text", "mail": "ada@example.org"}], "mode": "fast", "count": 3},
        ),
        ("anything", None),
    ],
)
def test_an_example_shows_the_shape_that_is_wanted(name: str, example: Any) -> None:
    text = placeholder(ArgSpec(takes).json_schema, name)
    assert (json.loads(text) if text else None) == example


def test_a_type_that_holds_itself_ends() -> None:
    assert placeholder(ArgSpec(takes).json_schema, "tree").count("children") <= 6
