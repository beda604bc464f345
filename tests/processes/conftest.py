"""Consumer processes on the test's own database file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.consumers import Consumers


@pytest.fixture
def consumers(transactional_db: None, tmp_path: Path) -> Iterator[Consumers]:
    """Return a starter of consumers; those left at the end are killed."""
    starter = Consumers(tmp_path)
    yield starter
    starter.end_all()
