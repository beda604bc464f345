"""Regular expressions mean the same in every Python that is supported."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

OF_A_GROUP = re.compile(r"(?<!\\)\)(?:[*?+]|\{\d*,?\d*\})\+")


def test_no_group_is_repeated_possessively(project_root: Path) -> None:
    """Python 3.11.0 to 3.11.4 match that wrongly (gh-106052); atomic groups, they match rightly."""
    found = [
        f"{path.relative_to(project_root)}:{number}"
        for folder in ("jobs", "webapp")
        for path in (project_root / folder).rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if OF_A_GROUP.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("text", [r"(?:a)*+", r"(a)?+", r"(?:a){1,2}+"])
def test_such_a_group_is_seen(text: str) -> None:
    assert OF_A_GROUP.search(text)
