"""``key=value`` on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest

from jobs import InputFile, LongText
from jobs.catalog.signature import ArgSpec
from jobs.errors import InvalidArguments
from jobs.management.values import arguments_of


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


KNOWN = ArgSpec(takes).arguments


def read(*words: str) -> dict[str, Any]:
    return arguments_of(KNOWN, words, lambda path: f"stored {path.name}")


@pytest.mark.parametrize(
    ("word", "value"),
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
def test_a_word_becomes_a_value(word: str, value: Any) -> None:
    key = word.partition("=")[0]
    found = read(word)[key]
    assert found == value
    assert type(found) is type(value)


def test_a_key_may_come_again_where_several_are_taken() -> None:
    assert read("modes=a", "modes=b") == {"modes": ["a", "b"]}
    assert read("logs=@a", "logs=@b")["logs"] == [{"upload": "stored a"}, {"upload": "stored b"}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["text"], "Write key=value, not 'text'"),
        (["=3"], "Write key=value, not '=3'"),
        (["count=1", "count=2"], "/count: It is given twice."),
    ],
)
def test_what_is_no_word(words: list[str], said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        read(*words)
    assert said in str(caught.value)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    def store(path: Path) -> str:
        return path.read_text(encoding="utf-8")

    with pytest.raises(InvalidArguments) as caught:
        arguments_of(KNOWN, [f"log=@{tmp_path / 'missing'}"], store)
    assert caught.value.errors[0]["pointer"] == "/log"
    assert "missing cannot be read: No such file" in str(caught.value)


def test_nesting_without_end_is_for_the_validation_to_refuse() -> None:
    text = "[" * 100_000
    assert read(f"table={text}") == {"table": text}
