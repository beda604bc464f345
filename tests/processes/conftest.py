"""Consumer processes over the test's own database file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Consumers


@pytest.fixture
def consumers(transactional_db: None, tmp_path: Path) -> Iterator[Consumers]:
    """Return a starter of consumers; what is left of them at the end is killed."""
    starter = Consumers(tmp_path)
    yield starter
    starter.end_all()
