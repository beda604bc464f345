"""Tables of the commands: for a terminal, and for a pipe."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from jobs.management.tables import Table, write_table

TABLE = Table(("ID", "TASK", "ERROR"), may_be_cut=("TASK", "ERROR"))
KEY = "0190e1f2-5b6a-7c3d-8e4f-0123456789ab"
ROWS = [
    (KEY, "shop.count_words", "ValueError: a\tvery\nlong message \x1b[31mindeed"),
    (KEY, "a.b", ""),
]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def written(out: StringIO) -> list[str]:
    write_table(OutputWrapper(out), TABLE, ROWS)
    return out.getvalue().splitlines()


def test_a_pipe_gets_whole_fields_between_tabs_and_no_head() -> None:
    assert written(StringIO()) == [
        f"{KEY}\tshop.count_words\tValueError: a very long message  [31mindeed",
        f"{KEY}\ta.b\t",
    ]


def test_a_terminal_gets_columns_under_a_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    head, first, second = written(Terminal())
    assert head == f"{'ID':36}  {'TASK':16}  ERROR"
    assert first == f"{KEY}  shop.count_words  ValueError: a very long message  [31mindeed"
    assert second == f"{KEY}  a.b"


def test_a_terminal_gets_no_empty_column_and_no_head_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = Terminal()
    write_table(OutputWrapper(out), TABLE, [(KEY, "", "no")])
    assert out.getvalue() == f"{'ID':36}  ERROR\n{KEY}  no\n"
    out = Terminal()
    write_table(OutputWrapper(out), TABLE, [])
    assert out.getvalue() == ""


@pytest.mark.parametrize("columns", [61, 70, 80])
def test_columns_are_cut_to_the_width_but_never_an_id(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = written(Terminal())
    assert max(map(len, lines)) == columns
    assert all(line.startswith(KEY) for line in lines[1:])
    assert lines[1].endswith("...")


def test_a_terminal_that_is_too_narrow_gets_the_shortest_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    assert written(Terminal())[1] == f"{KEY}  shop....  Value..."
