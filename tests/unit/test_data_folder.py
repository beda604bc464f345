"""The data folder where the system takes no long paths."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from webapp.up import StartupError, prepare

LIMIT = 259
"""Of the characters of a path on Windows, as it is delivered."""
IN_A_STORE = (
    "files/artifacts/0123ab/0123456789abcdef0123456789abcdef/1-0123456789abcdef0123456789abcdef"
)


@pytest.fixture(autouse=True)
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    real = tempfile.TemporaryFile

    def limited(*, dir: Path, prefix: str = "", **more: Any) -> Any:  # noqa: A002
        if len(str(dir)) + 1 + len(prefix) + 8 > LIMIT:
            raise FileNotFoundError(2, "The system cannot find the path specified")
        return real(dir=dir, prefix=prefix, **more)

    monkeypatch.setattr(tempfile, "TemporaryFile", limited)
    monkeypatch.setattr(prepare, "_keep_temporary_files_in", lambda folder: None)
    monkeypatch.setattr(settings, "SECRET_KEY", settings.SECRET_KEY)


def folder_of(length: int, parent: Path) -> Path:
    name = "x" * (length - len(str(parent)) - 1)
    assert len(str(parent / name)) == length
    return parent / name


def test_a_folder_in_which_the_longest_path_has_room(tmp_path: Path) -> None:
    folder = folder_of(LIMIT - len(IN_A_STORE) - 10, tmp_path)
    prepare.prepare_folder(folder)
    assert folder.exists()
    assert list((folder / "tmp").iterdir()) == []


def test_one_in_which_it_has_none_is_named_before_a_job_is_lost(tmp_path: Path) -> None:
    folder = folder_of(LIMIT - len(IN_A_STORE), tmp_path)
    with pytest.raises(StartupError) as caught:
        prepare.prepare_folder(folder)
    assert f"{folder} has {len(str(folder))} characters" in str(caught.value)
    assert "LongPathsEnabled" in str(caught.value)
