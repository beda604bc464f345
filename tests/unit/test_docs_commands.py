"""The shell blocks of ``jobs/docs`` can be read by a shell, and name commands that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, get_commands, load_command_class

from tests.subprocesses import ROOT

PAGES = sorted((ROOT / "jobs" / "docs").glob("*.md"))


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Every code block of a language, and the page that it is in."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        # All of them: the end of one block looks as the beginning of one without a language.
        for name, found in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            if name == language:
                yield page.name, found


SHELL = list(blocks("sh"))
COMMANDS = [
    (page, line)
    for page, block in [*SHELL, *blocks("")]
    for line in block.splitlines()
    if "manage.py " in line
]


def test_there_are_some() -> None:
    assert {"systemd.md", "containers.md"} <= {page for page, _ in SHELL}
    assert {"database.md", "systemd.md", "consumers.md"} <= {page for page, _ in COMMANDS}


@pytest.mark.parametrize(("page", "block"), SHELL, ids=[page for page, _ in SHELL])
def test_a_shell_can_read_the_blocks(page: str, block: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    done = subprocess.run([bash, "-n"], input=block, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_the_commands_exist_with_their_options(page: str, line: str) -> None:
    name, *options = shlex.split(line.partition("manage.py ")[2], comments=True)
    app = get_commands()[name]
    command = app if not isinstance(app, str) else load_command_class(app, name)
    command.create_parser("manage.py", name).parse_args(options)  # exits at an unknown option


@pytest.mark.parametrize("line", ["manage.py prune --no-such-option", "manage.py prunes"])
def test_what_does_not_exist_is_found(line: str) -> None:
    with pytest.raises((CommandError, KeyError)):
        test_the_commands_exist_with_their_options("", line)
