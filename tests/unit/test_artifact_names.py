"""Names of artifacts: what every system can save, whatever a task made up."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.catalog.artifact_names import MAX_LENGTH, NamesOfAttempt, safe_name

from .recorder import Recorder, context_for


@pytest.mark.parametrize(
    ("wanted", "name", "why"),
    [
        ("report.pdf", "report.pdf", ""),
        ("größe 2026.csv", "größe 2026.csv", ""),
        (".htaccess", ".htaccess", ""),
        ("a/b\\c.txt", "a_b_c.txt", "it had '/' '\\\\'"),
        ("../../etc/passwd", ".._.._etc_passwd", "it had '/'"),
        ("12:30?.txt", "12_30_.txt", "it had ':' '?'"),
        ("a\r\nb", "a__b", "it had '\\n' '\\r'"),
        ("x\u202egpj.exe", "x_gpj.exe", "it had '\\u202e'"),
        ("a\x00\ud800", "a__", "it had '\\ufffd'"),
        ("", "unnamed", "it was empty"),
        ("..", "unnamed", "it began or ended with a space or a point, it was empty"),
        (" name. ", "name", "it began or ended with a space or a point"),
        ("con", "_con", "the name is reserved"),
        ("NUL.tar.gz", "_NUL.tar.gz", "the name is reserved"),
        ("com1.txt", "_com1.txt", "the name is reserved"),
        ("console.txt", "console.txt", ""),
        ("result.json", "_result.json", "the name is reserved"),
        ("x" * 200 + ".csv", "x" * 146 + ".csv", "it had more than 150 characters"),
        (PurePosixPath("/tmp/out/a.png"), "a.png", ""),
        (b"caf\xc3\xa9", "café", ""),
        (7, "7", "it was int, not text"),
        (None, "None", "it was NoneType, not text"),
    ],
)
def test_a_name(wanted: Any, name: str, why: str) -> None:
    assert safe_name(wanted) == (name, why)


@given(st.text(max_size=300))
def test_any_text_becomes_a_name_that_stays(text: str) -> None:
    name = safe_name(text).name
    assert 1 <= len(name) <= MAX_LENGTH + 1
    assert safe_name(name).name in (name, f"_{name}")
    assert not set(name) & set('<>:"/\\|?*\x00\r\n')
    assert name == name.strip().rstrip(".")


def test_two_that_become_equal_stay_two() -> None:
    names = NamesOfAttempt()
    wanted = ["a/b.txt", "a:b.txt", "a_b.txt", "a/b.txt", "x" * 300 + ".md", "x" * 301 + ".md"]
    chosen = [names.choose(one) for one in wanted]
    assert [one.name for one in chosen] == [
        "a_b.txt",
        "a_b-2.txt",
        "a_b-3.txt",
        "a_b.txt",
        "x" * 147 + ".md",
        "x" * 145 + "-2.md",
    ]
    assert chosen[1].why == "it had ':', and another file has the name 'a_b.txt'"
    assert chosen[2].why == "another file has the name 'a_b.txt'"


def test_the_log_says_what_was_changed_and_the_task_learns_the_name() -> None:
    recorder = Recorder()
    context = context_for(recorder)

    assert context.save_artifact("12:30.txt", "noon") == "12_30.txt"
    assert context.save_artifact("plain.txt", "x") == "plain.txt"

    assert recorder.files == {"12_30.txt": "noon", "plain.txt": "x"}
    assert recorder.lines == ["The artifact '12:30.txt' is kept as '12_30.txt': it had ':'."]
