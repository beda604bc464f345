"""Projects for one test each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from .maker import Project


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """Return a maker of a project: it takes what ``Project`` takes beside the folder."""

    def make(**parts: object) -> Project:
        return Project(tmp_path / "site", **parts)  # type: ignore[arg-type]

    return make
