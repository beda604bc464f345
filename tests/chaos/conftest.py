"""A site for each test of chaos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers.servers import Setup
from tests.chaos.arena import ON_SQLITE, Arena


@pytest.fixture(scope="session")
def first_arenas() -> Iterator[dict[str, Arena]]:
    """One unused arena for each kind of database: the others copy its database."""
    made: dict[str, Arena] = {}
    yield made
    for arena in made.values():
        arena.close()


@pytest.fixture
def arena(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    first_arenas: dict[str, Arena],
) -> Iterator[Arena]:
    """Return a site whose processes end with the test; its ``Setup`` may be a parameter."""
    setup: Setup = getattr(request, "param", ON_SQLITE)
    kind = setup.database
    if kind not in first_arenas:
        first_arenas[kind] = Arena(tmp_path_factory.mktemp(kind), Setup(kind, database=kind))
    first = first_arenas[kind]
    made = Arena(tmp_path, setup, database=first.database.copy(tmp_path), token=first.token)
    yield made
    made.close()
