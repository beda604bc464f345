"""Two rules that the import contract cannot express: who writes a status, who imports funboost."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

WRITERS = {"update", "create", "bulk_create", "bulk_update", "update_or_create", "get_or_create"}
WRITING_SQL = re.compile(r"\b(update|insert\s+into)\s+jobs_job\b", re.IGNORECASE)
FUNBOOST = {"funboost", "nb_log", "nb_log_config", "funboost_config"}


def sources(root: Path) -> Iterator[tuple[str, str]]:
    for folder in ("jobs", "webapp"):
        for path in sorted((root / folder).rglob("*.py")):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def status_writes(source: str) -> list[int]:
    """Return the lines that write a job's status, as far as the source shows."""
    nodes = (node for node in ast.walk(ast.parse(source)) if _writes(node))
    return sorted({getattr(node, "lineno", 0) for node in nodes})


def _writes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return _call_writes(node)
    if isinstance(node, ast.Assign):
        return any(_is_status(target) for target in node.targets)
    if isinstance(node, ast.AugAssign | ast.AnnAssign):
        return _is_status(node.target) and getattr(node, "value", None) is not None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return bool(WRITING_SQL.search(node.value))
    return False


def _is_status(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == "status"


def _call_writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "setattr":
        return len(call.args) > 1 and _is_status_text(call.args[1])
    if name == "bulk_update":
        return any(_is_status_text(inner) for arg in call.args for inner in ast.walk(arg))
    if name not in WRITERS | {"Job"}:
        return False
    return any(
        keyword.arg == "status" or (keyword.arg is None and _has_key(keyword.value))
        for keyword in call.keywords
    )


def _is_status_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "status"


def _has_key(node: ast.AST) -> bool:
    return isinstance(node, ast.Dict) and any(key and _is_status_text(key) for key in node.keys)


def imported(source: str) -> set[str]:
    """Return the top-level names that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
            *("import_module", "__import__")
        }:
            found |= {
                str(arg.value).partition(".")[0] for arg in node.args[:1] if hasattr(arg, "value")
            }
    return found


def test_only_lifecycle_writes_a_status(project_root: Path) -> None:
    elsewhere = {
        name: lines
        for name, source in sources(project_root)
        if not name.startswith("jobs/lifecycle/") and (lines := status_writes(source))
    }
    assert elsewhere == {}


def test_the_scan_finds_the_writers_in_lifecycle(project_root: Path) -> None:
    found = {name for name, source in sources(project_root) if status_writes(source)}
    assert {"cancel.py", "requeue.py", "insert.py", "promote.py", "sql.py"} <= {
        name.rpartition("/")[2] for name in found
    }


@pytest.mark.parametrize(
    "source",
    [
        "job.status = 'failed'",
        "self.job.status: str = 'failed'",
        "job.status += 'x'",
        "Job.objects.filter(pk=1).update(status='failed')",
        "rows.update(**{'status': 'failed'})",
        "Job.objects.create(status='failed')",
        "Job(task='t', status='failed')",
        "Job.objects.bulk_update(rows, ['status'])",
        "Job.objects.bulk_update(rows, ('version', 'status'))",
        "setattr(job, 'status', 'failed')",
        "cursor.execute('UPDATE jobs_job SET attempt = 3')",
        "SQL = f'''insert into jobs_job ({columns})'''",
    ],
)
def test_the_scan_finds(source: str) -> None:
    assert status_writes(source) == [1]


@pytest.mark.parametrize(
    "source",
    [
        "job.status == 'failed'",
        "Job.objects.filter(status='failed')",
        "Job.objects.update(version=2)",
        "log.update(name='status')",
        "cursor.execute('SELECT status FROM jobs_job')",
        "status = 3",
    ],
)
def test_the_scan_ignores(source: str) -> None:
    assert status_writes(source) == []


def test_only_one_folder_imports_funboost(project_root: Path) -> None:
    found = {
        name: imported(source) & FUNBOOST
        for name, source in sources(project_root)
        if imported(source) & FUNBOOST
    }
    assert found
    assert [name for name in found if not name.startswith("jobs/brokers/funboost/")] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import funboost.core, os", {"funboost", "os"}),
        ("from funboost import Booster", {"funboost"}),
        ("from .funboost import x", set()),
        ("import_module('funboost.core')", {"funboost"}),
    ],
)
def test_imports_are_found(source: str, names: set[str]) -> None:
    assert imported(source) == names
