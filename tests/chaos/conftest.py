"""A site of one's own for each test of the chaos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .arena import ON_SQLITE, Arena


@pytest.fixture
def arena(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Arena]:
    """Return a site whose processes end with the test; its ``Setup`` may be a parameter."""
    made = Arena(tmp_path, getattr(request, "param", ON_SQLITE))
    yield made
    made.close()
