"""A site of one's own for each test of the chaos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .arena import Arena


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """Return a site whose processes end with the test."""
    made = Arena(tmp_path)
    yield made
    made.close()
