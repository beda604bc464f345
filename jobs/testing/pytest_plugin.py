"""The pytest plugin: pytest finds it wherever Jobdesk is installed.

It is loaded in every project of that environment, so it imports nothing of Django until a fixture
asks for it. Its entry point has the name of this module: pytest then knows it again where ``-p`` or
``pytest_plugins`` names it as well.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .scope import undone_afterwards

if TYPE_CHECKING:
    from .helpers import Helpers


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol() -> Generator[None, Any, None]:
    """Undo after each test what it did to the clock."""
    with undone_afterwards():
        yield


@pytest.fixture
def jobs_data_dir(tmp_path: Path) -> Iterator[Path]:
    """Give the test a data folder of its own, and tell no broker of its jobs."""
    from .isolation import isolated

    with isolated(tmp_path / "jobs"):
        yield tmp_path / "jobs"


@pytest.fixture
def jobs_queue(db: None, jobs_data_dir: Path) -> Helpers:
    """Give ``jobs.testing`` on one object, with pytest-django's database and ``jobs_data_dir``."""
    from .helpers import Helpers

    return Helpers()
