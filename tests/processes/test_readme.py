"""The README and the documentation are run: the first task and the commands."""

from __future__ import annotations

import http.cookiejar
import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.opened import open_url
from tests.subprocesses import ROOT, RunningProcess, environment, manage
from tests.waiting import wait_until

pytestmark = pytest.mark.processes

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = sorted((ROOT / "jobs" / "docs").glob("*.md"))
PAGES = [README, *(page.read_text(encoding="utf-8") for page in DOCS)]
COMMANDS = re.findall(r"python manage\.py (\w+)([^\n`]*)", "\n".join(PAGES))
TASK_FILE = "webapp/tasks/count_words.py"


def _blocks(language: str, text: str = README) -> list[str]:
    # All blocks one after the other: the end of one must not pass for the beginning of another.
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


def _command(beginning: str) -> list[str]:
    """The README's command that begins with this, as a list of arguments."""
    (line,) = (
        line for block in _blocks("") for line in block.splitlines() if line.startswith(beginning)
    )
    return shlex.split(line)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, RunningProcess]]:
    """A copy of the project with the README's task in it, and ``up`` running there."""
    folder = tmp_path_factory.mktemp("readme")
    root, data = folder / "project", folder / "var"
    for name in ("manage.py", "pyproject.toml", "README.md", "webapp", "jobs", "templates"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        (root / name).parent.mkdir(exist_ok=True)
        copy(source, root / name)
    (code,) = (block for block in _blocks("python") if "def count_words" in block)
    (root / TASK_FILE).write_text(code, encoding="utf-8")
    with manage(data, "up", "--port", "0", root=root) as running:
        link = running.wait_for(r"^Open (http://\S+)").group(1)
        yield folder, link, running
        running.interrupt()
        running.wait()


def _manage(folder: Path, words: list[str]) -> str:
    """Run a command of the README's in the copy; return what it prints."""
    assert words[:2] == ["python", "manage.py"]
    return subprocess.run(
        [sys.executable, *words[1:]],
        cwd=folder / "project",
        env=environment(folder / "var"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=120,
    ).stdout


def test_the_first_task_is_ten_lines() -> None:
    (code,) = (block for block in _blocks("python") if "def count_words" in block)
    assert len(code.splitlines()) <= 10
    assert f"`{TASK_FILE}`" in README


def test_the_command_line_runs_the_first_task(project: tuple[Path, str, RunningProcess]) -> None:
    folder, _, _ = project
    printed = _manage(folder, _command("python manage.py submit"))
    assert json.loads(printed) == {"to": 2, "be": 2, "or": 1, "not": 1}


def test_the_first_task_has_its_form(project: tuple[Path, str, RunningProcess]) -> None:
    _, link, _ = project
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(jar)
    browser.open(link, timeout=30).close()
    base = link.partition("/sign-in/")[0]
    with browser.open(f"{base}/tasks/webapp.count_words/", timeout=30) as page:
        text = page.read().decode("utf-8")
    assert "Count words" in text
    assert 'name="text"' in text
    assert 'name="min_length"' in text


def test_a_program_submits_the_first_task(project: tuple[Path, str, RunningProcess]) -> None:
    folder, link, _ = project
    token = _manage(folder, _command("python manage.py createtoken")).strip()
    words = _command("curl")
    headers = dict(
        words[at + 1].replace("TOKEN", token).split(": ", 1)
        for at, word in enumerate(words)
        if word == "-H"
    )
    base = link.partition("/sign-in/")[0]
    url = base + words[-1].removeprefix("http://127.0.0.1:8000")
    request = urllib.request.Request(
        url, data=words[words.index("-d") + 1].encode(), headers=headers
    )
    with open_url(request) as answer:
        assert answer.status == 202
        location = base + answer.headers["Location"]

    def finished() -> dict[str, object] | None:
        polled = urllib.request.Request(location, headers=headers)
        with open_url(polled) as answer:
            job: dict[str, object] = json.load(answer)
        return job if job["finished_at"] else None

    assert wait_until(finished, what="the job's end")["result"] == {"to": 1, "be": 1}


@pytest.mark.parametrize("name", sorted({name for name, _ in COMMANDS} - {"test"}))
def test_each_command_has_the_options_that_are_named(
    project: tuple[Path, str, RunningProcess], name: str
) -> None:
    folder, _, _ = project
    told = _manage(folder, ["python", "manage.py", name, "--help"])
    for part in re.findall(r"^    ([a-z]+)  ", told.partition("subcommands:")[2], re.MULTILINE):
        told += _manage(folder, ["python", "manage.py", name, part, "--help"])
    named = {
        option
        for command, rest in COMMANDS
        if command == name
        for option in re.findall(r"--[a-z-]+", rest)
    }
    assert {option for option in named if option not in told} == set()


def test_each_command_in_a_block_of_the_documentation_runs(
    project: tuple[Path, str, RunningProcess],
) -> None:
    """Those that end by themselves; the others are run by the tests of ``up`` and of consumers."""
    folder, _, _ = project
    ending = ("submit", "doctor", "prune", "check", "migrate", "createtoken")
    lines = [line for text in PAGES for block in _blocks("", text) for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("python manage.py ")]
    assert commands
    for words in commands:
        if words[2] in ending:
            _manage(folder, words)
