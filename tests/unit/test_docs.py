"""What the README and ``jobs/docs`` say is what the code has."""

from __future__ import annotations

import ast
import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

import jobs
from jobs.catalog.decorators import OPTIONS
from jobs.conf import Conf
from tests.consumers import ROOT

DOCS = ROOT / "jobs" / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.glob("*.md"))]
NAMES = [page.name for page in PAGES]


def text_of(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def first_column(table: str) -> list[str]:
    """The names in code marks in the first column of a Markdown table, in order."""
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]


def after(text: str, mark: str) -> str:
    """The text behind a mark, up to the next heading."""
    assert mark in text
    return text.partition(mark)[2].partition("\n## ")[0]


def test_the_readme_has_under_1500_words() -> None:
    assert len(README.read_text(encoding="utf-8").split()) < 1500


def test_the_readme_links_every_page() -> None:
    text = README.read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if f"(jobs/docs/{page.name})" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_link_targets_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES[1:], ids=NAMES[1:])
def test_a_page_says_for_whom_it_is(page: Path) -> None:
    title, _, rest = page.read_text(encoding="utf-8").partition("\n\n")
    assert title.startswith("# ")
    assert rest.startswith("For ")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_files_and_folders_that_are_named_exist(page: Path) -> None:
    named = re.findall(r"`((?:jobs|tests|webapp)/[\w./-]*)`", page.read_text(encoding="utf-8"))
    made_by_the_reader = "webapp/tasks/count_words.py"
    assert {name for name in named if not (ROOT / name).exists()} <= {made_by_the_reader}


def test_every_variable_that_the_site_reads_is_listed() -> None:
    read = set()
    for path in (ROOT / "webapp" / "settings.py", ROOT / "webapp" / "secret.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "env"
                and isinstance(node.args[0], ast.Constant)
            ):
                read.add(str(node.args[0].value))
    assert len(read) > 10
    assert {name for name in read if f"`{name}`" not in text_of("settings.md")} == set()


def test_every_key_of_the_jobs_setting_is_listed_with_its_default() -> None:
    table = after(text_of("settings.md"), "<!-- the keys of JOBS -->")
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| `")]
    listed = {row[0].strip("| `"): row[1].strip("` ") for row in rows}
    empty = {"": "none", "()": "none"}
    assert listed == {
        field.name.upper(): empty.get(str(field.default), f"{field.default:g}")
        if isinstance(field.default, float)
        else empty.get(str(field.default), str(field.default))
        for field in dataclasses.fields(Conf)
    }


def test_the_public_names_are_there() -> None:
    assert set(jobs.__all__) == {
        "InputFile",
        "JobContext",
        "JobResult",
        "JobTask",
        "LongText",
        "enqueue_many",
        "job",
        "submit",
    }
    assert all(hasattr(jobs, name) for name in jobs.__all__)


def test_every_option_of_a_task_is_listed() -> None:
    assert set(first_column(after(text_of("tasks.md"), "## Options of `@job`"))) == OPTIONS


def test_the_layers_are_those_of_the_contract() -> None:
    drawn = after(text_of("internals.md"), "<!-- the layers -->").split("```")[1]
    lines = [line.split("  ")[0].strip() for line in drawn.strip().splitlines()]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one.get("containers") == ["jobs"])
    setup = "apps : checks : urls"  # what Django reads first; no reader looks for it
    assert ["webapp", *(layer for layer in layers if layer != setup)] == lines


def test_the_files_to_look_into_exist() -> None:
    table = after(text_of("internals.md"), "## Where to look")
    rows = [line for line in table.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) > 5
    for row in rows:
        folder = ROOT
        for name in re.findall(r"`([^`]+)`", row.split(" | ", 1)[1]):
            folder = (ROOT / name).parent if "/" in name else folder
            assert (ROOT / name if "/" in name else folder / name).exists(), (row, name)


def test_contributors_run_what_the_machine_runs() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    for tool in ("ruff check .", "mypy", "lint-imports", "manage.py test"):
        assert tool.split(" ", 1)[0] in run
        assert tool in readme.replace(".venv/bin/python ", "").replace(".venv/bin/", "")
