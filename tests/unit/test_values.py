"""``key=value`` pairs on a command line become arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from jobs import InputFile, LongText
from jobs.catalog.signature import ArgSpec
from jobs.errors import InvalidArguments
from jobs.management.argument_values import parse_arguments


def takes(
    *,
    text: str,
    essay: LongText,
    count: int,
    share: float,
    really: bool,
    mode: Literal["fast", "1"],
    size: Literal[1, 2],
    modes: list[Literal["a", "b"]],
    numbers: list[int],
    table: dict[str, int],
    maybe: int | None,
    log: InputFile,
    logs: list[InputFile],
) -> None: ...


DECLARED = ArgSpec(takes).arguments


def parse(*pairs: str) -> dict[str, Any]:
    return parse_arguments(DECLARED, pairs, lambda path: f"stored {path.name}")


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        *(("text=7", "7"), ("text=", ""), ("text=a=b", "a=b"), ("text=@home", "@home")),
        *(("text=null", "null"), ("essay=a b", "a b"), ("count=7", 7), ("count=x", "x")),
        *(("count=-3", -3), ("share=0.5", 0.5), ("share=1e3", 1000.0), ("really=true", True)),
        *(("really=yes", "yes"), ("mode=fast", "fast"), ("mode=1", "1"), ("mode=slow", "slow")),
        *(("size=2", 2), ("size=3", "3"), ("modes=a", ["a"]), ('modes=["a","b"]', ["a", "b"])),
        *(("numbers=[1, 2]", [1, 2]), ("numbers=1", 1), ('table={"a": 1}', {"a": 1})),
        *(("maybe=null", None), ("maybe=3", 3), ("unknown=3", "3")),
        ("log=@a/b.log", {"upload": "stored b.log"}),
        ('log={"upload": "x"}', {"upload": "x"}),
        ("log=b.log", "b.log"),
        ("logs=@a", [{"upload": "stored a"}]),
    ],
)
def test_a_pair_becomes_a_value(pair: str, value: Any) -> None:
    key = pair.partition("=")[0]
    found = parse(pair)[key]
    assert found == value
    assert type(found) is type(value)


def test_a_key_may_come_again_where_several_are_taken() -> None:
    assert parse("modes=a", "modes=b") == {"modes": ["a", "b"]}
    assert parse("logs=@a", "logs=@b")["logs"] == [{"upload": "stored a"}, {"upload": "stored b"}]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["text"], "Write key=value, not 'text'"),
        (["=3"], "Write key=value, not '=3'"),
        (["count=1", "count=2"], "/count: It is given twice."),
    ],
)
def test_a_pair_that_is_wrong_is_refused(pairs: list[str], message: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        parse(*pairs)
    assert message in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    def store(path: Path) -> str:
        return path.read_text(encoding="utf-8")

    with pytest.raises(InvalidArguments) as caught:
        parse_arguments(DECLARED, [f"log=@{tmp_path / 'missing'}"], store)
    assert caught.value.errors[0]["pointer"] == "/log"
    assert "missing cannot be read: No such file" in str(caught.value)


def test_json_that_is_nested_too_deeply_is_left_to_the_validation() -> None:
    text = "[" * 100_000
    assert parse(f"table={text}") == {"table": text}
