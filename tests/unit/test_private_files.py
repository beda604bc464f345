"""The database and the files are for one user of the machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile

from jobs.core import private_files
from jobs.core.private_files import create_private, database_files, keep_private
from jobs.core.storage import job_storage
from webapp.apps import keep_data_private

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
NAMES = ("secret", "db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder of long ago, in a place that all can read."""
    before = os.umask(0o022)
    try:
        for name in NAMES:
            (tmp_path / name).write_text("ours")
        (tmp_path / "files").mkdir()
        tmp_path.chmod(0o755)
        yield tmp_path
    finally:
        os.umask(before)


def test_a_site_that_starts_takes_from_others_what_they_could_read(
    open_folder: Path,
) -> None:
    assert [mode(open_folder / name) for name in NAMES] == [0o644] * 4
    keep_data_private(open_folder, open_folder / "db.sqlite3")
    assert [mode(open_folder / name) for name in NAMES] == [0o600] * 4
    assert mode(open_folder / "files") == 0o700
    assert mode(open_folder) == 0o755  # somebody's decision


def test_a_new_database_in_an_open_folder_is_made_for_one(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_files, "is_entered_by_others", lambda _: True)
    (open_folder / "db.sqlite3").unlink()
    keep_data_private(open_folder, open_folder / "db.sqlite3")
    assert mode(open_folder / "db.sqlite3") == 0o600


def test_a_group_that_was_given_the_folder_keeps_its_rights(open_folder: Path) -> None:
    open_folder.chmod(0o2775)
    (open_folder / "secret").chmod(0o664)
    keep_private([open_folder / "secret"])
    assert mode(open_folder / "secret") == 0o660


def test_what_is_not_ours_or_not_there_stays_as_it_is(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    keep_private([open_folder / "secret", open_folder / "missing"])
    assert mode(open_folder / "secret") == 0o644


def test_a_file_that_is_there_is_not_made_again(open_folder: Path) -> None:
    create_private(open_folder / "secret")
    assert (open_folder / "secret").read_text() == "ours"


def test_what_others_read_is_named(
    open_folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.JOBS = {"DATA_DIR": open_folder}
    database = open_folder / "db.sqlite3"
    monkeypatch.setattr(private_files, "path_of", lambda _: str(database))
    # pytest's own folders are private.
    enter = private_files._others_enter
    monkeypatch.setattr(
        private_files, "_others_enter", lambda one: one != open_folder or enter(one)
    )
    expected = {open_folder / "secret", open_folder / "files", *database_files(database)}
    assert set(private_files.exposed_files()) == expected
    open_folder.chmod(0o700)
    assert private_files.exposed_files() == []


def test_uploads_and_artifacts_are_for_one(open_folder: Path, settings: Any) -> None:
    settings.JOBS = {"DATA_DIR": open_folder}
    name = job_storage().save("uploads/ab/x", ContentFile(b"x"))
    stored = open_folder / "files" / name
    assert (mode(stored), mode(stored.parent)) == (0o600, 0o700)


def test_a_project_may_choose_the_permissions_of_files(open_folder: Path, settings: Any) -> None:
    settings.JOBS = {"DATA_DIR": open_folder}
    settings.FILE_UPLOAD_PERMISSIONS = 0o640
    name = job_storage().save("uploads/ab/x", ContentFile(b"x"))
    assert mode(open_folder / "files" / name) == 0o640
