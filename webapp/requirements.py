"""What the project requires, from pyproject.toml and funboost's list. Standard library only."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = ROOT / "pyproject.toml"
FUNBOOST = ROOT / "jobs" / "brokers" / "funboost" / "requirements.txt"
_OWN_EXTRAS = re.compile(r"^jobdesk\[([\w,-]+)\]$")


def requirements(extras: Iterable[str]) -> list[str]:
    """Return the project's requirements, with those of its extras, and funboost's list."""
    found: list[str] = list(_project()["dependencies"])
    optional = _project()["optional-dependencies"]
    for extra in with_included(extras):
        found += [line for line in optional[extra] if not _OWN_EXTRAS.match(line)]
    lines = FUNBOOST.read_text(encoding="utf-8").splitlines()
    return found + [line for line in lines if line and not line.startswith("#")]


def with_included(extras: Iterable[str]) -> list[str]:
    """Return these extras and the ones that they name as ``jobdesk[...]``, sorted."""
    optional = _project()["optional-dependencies"]
    found: set[str] = set()
    waiting = list(extras)
    while waiting:
        extra = waiting.pop()
        if extra in found:
            continue
        found.add(extra)
        for line in optional.get(extra, []):
            if own := _OWN_EXTRAS.match(line):
                waiting.extend(own[1].split(","))
    return sorted(found)


def digest() -> str:
    """Return a checksum of all that is read here: when it changes, something may be missing."""
    return hashlib.sha256(PYPROJECT.read_bytes() + FUNBOOST.read_bytes()).hexdigest()


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return project
