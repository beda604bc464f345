"""What ``jobs/docs/commands.md`` says of the commands is what they do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from jobs.management.base import JobsCommand
from jobs.management.database_command import UNAVAILABLE
from tests.subprocesses import ROOT

TEXT = (ROOT / "jobs" / "docs" / "commands.md").read_text(encoding="utf-8")
NAMES = sorted(path.stem for path in Path(ROOT, "jobs/management/commands").glob("[a-z]*.py"))
COMMANDS = {
    name: command
    for name in NAMES
    if isinstance(command := load_command_class("jobs", name), JobsCommand)
}


def documented_exit_codes() -> dict[str, dict[int, str]]:
    table = TEXT.partition("<!-- the exit codes -->\n")[2].partition("\n\n")[0]
    head, _, *rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.split("\n")
    ]
    return {
        name.strip("`"): {
            int(code): cell for code, cell in zip(head[1:], cells, strict=True) if cell
        }
        for name, *cells in rows
    }


def test_each_command_is_in_the_first_table() -> None:
    named = set(re.findall(r"^\| `python manage\.py (\w+)", TEXT, re.MULTILINE))
    assert set(NAMES) <= named
    assert named <= set(get_commands())


def test_the_exit_codes_are_those_of_the_help() -> None:
    assert documented_exit_codes() == {
        name: {code: text for code, text in one.exit_codes.items() if code < UNAVAILABLE}
        for name, one in COMMANDS.items()
    }
    for name, one in COMMANDS.items():
        told = " ".join(one.create_parser("manage.py", name).format_help().split())
        for code, text in one.exit_codes.items():
            assert f"{code} {text}" in told


@pytest.mark.parametrize("name", COMMANDS)
def test_every_one_of_them_takes_json(name: str) -> None:
    assert "--json" in COMMANDS[name].create_parser("manage.py", name).format_help()
