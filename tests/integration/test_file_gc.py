"""Files without a row are deleted, and no others."""

from __future__ import annotations

import os
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from jobs.consumer.artifacts import store_artifact
from jobs.core.states import FINAL, UNFINISHED, Status
from jobs.core.storage import job_storage
from jobs.core.uuid7 import uuid7
from jobs.lifecycle import FileCollector, file_gc
from jobs.models import Artifact, Job
from jobs.submission import store_upload
from tests.factories import make_job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]

DAY = timedelta(days=1)
LONG = timedelta(days=40)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def age(tmp_path: Path, by: timedelta = 2 * DAY) -> None:
    """Make every stored file this old."""
    past = (timezone.now() - by).timestamp()
    for path in (tmp_path / "files").rglob("*"):
        os.utime(path, (past, past))


def left(tmp_path: Path) -> set[str]:
    root = tmp_path / "files"
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def collect(now: datetime) -> int:
    collector, gone = FileCollector(), 0
    while (found := collector.step(now)) is not None:
        gone += found
    return gone


def old_id() -> uuid.UUID:
    """A UUID from ``LONG`` ago: 12 digits of milliseconds, the rest as now."""
    moment = int((datetime.now(UTC) - LONG).timestamp() * 1000)
    return uuid.UUID(hex=f"{moment:012x}{uuid7().hex[12:]}")


def artifact_without_row(job: uuid.UUID, attempt: int = 1) -> str:
    return store_artifact(job, attempt, "a.txt", b"lost").file


def kept_artifact(job: Job) -> str:
    file = store_artifact(job.pk, 1, "kept.txt", b"kept").file
    Artifact.objects.create(job=job, attempt=1, name="kept.txt", size=4, file=file)
    return file


def upload_without_row(name: str = "") -> str:
    key = uuid7().hex
    return job_storage().save(f"uploads/{key[:6]}/{name or key}", ContentFile(b"lost"))


def test_an_upload_without_a_row_is_deleted(now: datetime, tmp_path: Path) -> None:
    upload_without_row()
    kept = store_upload(None, "a.txt", [b"kept"])
    age(tmp_path)
    assert collect(now) == 1
    assert left(tmp_path) == {kept.file}
    assert collect(now) == 0


def test_a_file_younger_than_a_day_is_kept(now: datetime, tmp_path: Path) -> None:
    files = {upload_without_row(), artifact_without_row(uuid7())}
    age(tmp_path, DAY - timedelta(minutes=1))
    assert collect(now) == 0
    assert left(tmp_path) == files


@pytest.mark.parametrize("status", sorted(FINAL))
def test_only_files_without_a_row_of_a_finished_job_are_deleted(
    now: datetime, tmp_path: Path, status: Status
) -> None:
    job = make_job(status=status, finished_at=now - 2 * DAY)
    kept = kept_artifact(job)
    artifact_without_row(job.pk)
    age(tmp_path)
    assert collect(now) == 1
    assert left(tmp_path) == {kept}


@pytest.mark.parametrize("status", sorted(UNFINISHED))
def test_files_of_an_unfinished_job_are_kept(now: datetime, tmp_path: Path, status: Status) -> None:
    """The row of its file may wait for the database in the memory of a consumer, for days."""
    file = artifact_without_row(make_job(status=status, created_at=now - LONG).pk)
    age(tmp_path, LONG)
    assert collect(now) == 0
    assert left(tmp_path) == {file}


def test_files_of_a_job_that_finished_today_are_kept(now: datetime, tmp_path: Path) -> None:
    job = make_job(status=Status.SUCCEEDED, finished_at=now - DAY + timedelta(minutes=1))
    file = artifact_without_row(job.pk)
    age(tmp_path)
    assert collect(now) == 0
    assert left(tmp_path) == {file}


def test_files_and_folders_of_a_deleted_job_are_deleted(now: datetime, tmp_path: Path) -> None:
    artifact_without_row(old_id())
    age(tmp_path)
    assert collect(now) == 1
    assert collect(now) == 0, "the folder above is empty now"
    assert list((tmp_path / "files" / "artifacts").iterdir()) == []


def test_an_empty_folder_that_may_be_used_again_is_kept(now: datetime, tmp_path: Path) -> None:
    job = make_job(id=old_id(), status=Status.FAILED, finished_at=now - LONG)
    for file in (artifact_without_row(job.pk), upload_without_row()):
        job_storage().delete(file)
    job_storage().delete(f"artifacts/{job.pk.hex[:6]}/{job.pk.hex}")
    assert collect(now) == 0
    below = [path.name for path in (tmp_path / "files").glob("*/*")]
    assert len(below) == 2


def test_a_file_that_a_new_attempt_stores_meanwhile_is_kept(
    now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(status=Status.FAILED, finished_at=now - 2 * DAY)
    artifact_without_row(job.pk)
    age(tmp_path)
    listed = file_gc._listed
    new: list[str] = []

    def list_then_store(path: str) -> Any:
        found = listed(path)
        if path.endswith(job.pk.hex):
            new.append(kept_artifact(job))
        return found

    monkeypatch.setattr(file_gc, "_listed", list_then_store)
    assert collect(now) == 1
    assert left(tmp_path) == set(new)


def test_other_files_are_kept(now: datetime, tmp_path: Path) -> None:
    other = {upload_without_row("README"), job_storage().save("other/file", ContentFile(b"x"))}
    age(tmp_path)
    assert collect(now) == 0
    assert left(tmp_path) == other


def test_a_step_is_bounded(now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_gc, "CHUNK", 2)
    for _ in range(5):
        upload_without_row()
        artifact_without_row(uuid7())
    age(tmp_path)
    collector = FileCollector()
    steps = [collector.step(now) for _ in range(7)]
    assert steps == [2, 2, 1, 2, 2, 1, None]


def test_a_storage_that_cannot_list_or_tell_the_time_is_left_alone(
    now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = upload_without_row()
    age(tmp_path)

    def cannot(*args: Any) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(type(job_storage()), "get_modified_time", cannot)
    assert collect(now) == 0
    monkeypatch.setattr(type(job_storage()), "listdir", cannot)
    assert collect(now) == 0
    assert left(tmp_path) == {file}


def test_the_search_begins_anew_after_its_end(now: datetime, tmp_path: Path) -> None:
    collector = FileCollector()
    assert collector.step(now) is None
    upload_without_row()
    age(tmp_path)
    assert (collector.step(now), collector.step(now)) == (1, None)


def test_several_processes_look_into_the_folders_in_different_orders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for letter in "ab":
        job_storage().save(f"uploads/{letter * 6}/{letter * 32}", ContentFile(b"lost"))
    orders = []
    for shuffled in (list.sort, lambda names: names.sort(reverse=True)):
        monkeypatch.setattr(random, "shuffle", shuffled)
        orders.append([part.folder for part in file_gc._folder_parts()])
    assert orders == [["uploads/aaaaaa", "uploads/bbbbbb"], ["uploads/bbbbbb", "uploads/aaaaaa"]]
