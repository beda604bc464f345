"""Deleting files of which no row is left: a service that is away is not asked for each of them."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core import storage


class Files:
    """A storage whose files cannot be deleted."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[str] = []

    def delete(self, name: str) -> None:
        self.asked.append(name)
        raise self.error


@pytest.mark.parametrize(
    ("error", "asked"),
    [(PermissionError("in use"), 10), (RuntimeError("no answer"), storage.MAX_FAILURES)],
)
def test_a_file_in_use_is_passed_over_and_a_service_that_is_away_ends_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception, asked: int
) -> None:
    files: Any = Files(error)
    monkeypatch.setattr(storage, "job_storage", lambda: files)
    storage.delete_files(str(number) for number in range(10))
    assert len(files.asked) == asked
