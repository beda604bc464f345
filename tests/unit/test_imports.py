"""No cycle of imports between modules, counting the imports inside functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

Graph = dict[str, set[str]]


def import_graph(root: Path, packages: Iterable[str]) -> Graph:
    """Which module below ``root`` imports which, wherever in the file; not for types only."""
    files = {
        _module_name(root, path): path
        for package in packages
        for path in (root / package).rglob("*.py")
    }
    return {name: set(_imports(name, path, files.keys())) - {name} for name, path in files.items()}


def _module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, path: Path, known: Iterable[str]) -> Iterator[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in _statements(ast.parse(path.read_text(encoding="utf-8"))):
        for target in _targets(node, package, known):
            yield target
            yield from _packages_run(target, name, known)


def _statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from _statements(ast.Module([other], []))
        else:
            yield from _statements(child)


def _targets(
    node: ast.Import | ast.ImportFrom, package: str, known: Iterable[str]
) -> Iterator[str]:
    """The modules of ours that a statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
        return
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    base = ".".join([*(above if node.level else []), *([node.module] if node.module else [])])
    for alias in node.names:
        below = f"{base}.{alias.name}"
        if below in known:
            yield below
        elif base in known:
            yield base


def _packages_run(target: str, importer: str, known: Iterable[str]) -> Iterator[str]:
    """The packages around a module, which Python runs first; not those around the importer."""
    parts = target.split(".")
    for depth in range(1, len(parts)):
        package = ".".join(parts[:depth])
        if package in known and not f"{importer}.".startswith(f"{package}."):
            yield package


def cycle(graph: Graph) -> list[str]:
    """The modules of a cycle of imports, the first again at the end; empty without one."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        modules: list[str] = error.args[1]
        return modules[::-1]
    return []


def test_there_is_no_import_cycle(project_root: Path) -> None:
    graph = import_graph(project_root, ["jobs", "webapp"])
    assert cycle(graph) == []


def test_the_graph_holds_what_the_project_imports(project_root: Path) -> None:
    graph = import_graph(project_root, ["jobs", "webapp"])
    assert "jobs.core.db" in graph["jobs.lifecycle.claim"]
    assert "jobs.lifecycle.sql" in graph["jobs.lifecycle.claim"]
    assert "jobs.lifecycle.claim" in graph["jobs.lifecycle"]
    assert "jobs.backend" in graph["jobs.checks"]  # inside a function


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"a": "import app.b", "b": "import app.a"}, True),
        ({"a": "from app import b", "b": "from . import a"}, True),
        ({"a": "from .b import x", "b": "def f():\n    from .a import y"}, True),
        ({"a": "from .b import x", "b": "from .c import x", "c": "from app.a import x"}, True),
        ({"a": "try:\n    from .b import x\nexcept ImportError:\n    from . import a"}, False),
        ({"a": "from .b import x", "b": "if TYPE_CHECKING:\n    from .a import y"}, False),
        (
            {
                "a": "from .b import x",
                "b": "if TYPE_CHECKING:\n    import os\nelse:\n    from .a import y",
            },
            True,
        ),
        ({"a": "from .b import x", "b": "import os, json"}, False),
    ],
)
def test_a_cycle_is_found(tmp_path: Path, files: dict[str, str], found: bool) -> None:
    write_tree(tmp_path, {f"app/{name}.py": source for name, source in files.items()})
    assert bool(cycle(import_graph(tmp_path, ["app"]))) is found


def test_what_a_package_imports_counts_for_who_imports_from_it(tmp_path: Path) -> None:
    """``app.a`` needs only ``app.rooms.small``, but Python runs ``app/rooms/__init__.py`` first."""
    write_tree(
        tmp_path,
        {
            "app/a.py": "from app.rooms.small import x",
            "app/rooms/__init__.py": "from .large import y",
            "app/rooms/small.py": "",
            "app/rooms/large.py": "from app.a import z",
        },
    )
    members = cycle(import_graph(tmp_path, ["app"]))
    assert set(members) == {"app.a", "app.rooms", "app.rooms.large"}


def test_a_package_and_its_modules_make_no_cycle(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "app/rooms/__init__.py": "from .large import y",
            "app/rooms/small.py": "",
            "app/rooms/large.py": "from .small import x",
        },
    )
    assert cycle(import_graph(tmp_path, ["app"])) == []


def test_a_cycle_is_reported_with_its_modules_in_order(tmp_path: Path) -> None:
    write_tree(tmp_path, {"app/a.py": "import app.b", "app/b.py": "import app.a"})
    found = cycle(import_graph(tmp_path, ["app"]))
    assert found in (["app.a", "app.b", "app.a"], ["app.b", "app.a", "app.b"])


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, source in {"app/__init__.py": "", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
