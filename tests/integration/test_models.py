"""Methods of the models: visibility, progress, entity tags, tokens, files."""

from __future__ import annotations

import gc
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.files.storage import Storage, storages
from django.core.files.storage.handler import InvalidStorageError
from django.db import IntegrityError, transaction

from jobs.catalog.input_file import InputFile
from jobs.catalog.signature import ArgSpec
from jobs.core.states import FINAL, UNFINISHED, Status
from jobs.core.storage import job_storage
from jobs.models import Job, Token, UploadUse
from jobs.submission.uploads import file_infos
from tests.factories import make_job, make_upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]


# --- jobs -------------------------------------------------------------------------------------


def test_owners_see_their_own_and_staff_see_all(ada: User, bob: User, chief: User) -> None:
    hers, his, nobodys = make_job(owner=ada), make_job(owner=bob), make_job()
    visible = Job.objects.visible_to
    assert set(visible(ada)) == {hers}
    assert set(visible(bob)) == {his}
    assert set(visible(chief)) == {hers, his, nobodys}
    assert set(visible(AnonymousUser())) == set()


def test_jobs_are_found_by_status() -> None:
    jobs = {status: make_job(status=status) for status in Status}
    for status, job in jobs.items():
        assert list(Job.objects.all().with_status(status)) == [job]
        assert list(Job.objects.filter(task="other").with_status(status)) == []
        assert job.is_finished == (status in FINAL)
        assert job.is_unfinished == (status in UNFINISHED)


@pytest.mark.parametrize(
    ("done", "total", "percent"),
    [
        *((None, None, None), (5, None, None), (5, 0, None), (0, 10, 0), (5, 10, 50)),
        *((15, 10, 100), (-5, 10, 0), (1, 3, 100 / 3)),
    ],
)
def test_the_percentage_of_a_job(
    done: float | None, total: float | None, percent: float | None
) -> None:
    job = make_job(progress_done=done, progress_total=total, progress_message="")
    assert job.percent == (pytest.approx(percent) if percent is not None else None)
    assert (job.progress is None) == (done is None)
    if job.progress is not None:
        assert job.progress["message"] is None
        assert job.progress["percent"] == (round(percent, 1) if percent is not None else None)


def test_the_entity_tag_changes_with_the_row() -> None:
    job = make_job()
    before = job.etag
    job.version += 1
    assert job.etag != before
    assert job.etag.startswith('"')
    assert make_job().etag != make_job().etag


def test_the_database_enforces_the_constraints(ada: User) -> None:
    make_job(unique_slot="s")
    make_job(idempotency_key="k", owner=ada)
    for fields in ({"unique_slot": "s"}, {"idempotency_key": "k", "owner": ada}):
        with pytest.raises(IntegrityError), transaction.atomic():
            make_job(**fields)
    for status in FINAL:
        make_job(unique_slot="s", status=status)
    assert Job.objects.count() == 5


# --- tokens -----------------------------------------------------------------------------------


def test_a_token_is_found_by_its_text_and_kept_as_a_hash(ada: User) -> None:
    row, text = Token.objects.issue(ada, "n")
    assert text.startswith("jd_")
    assert len(text) > 40
    assert text not in repr(vars(row))
    found = Token.objects.find(text)
    assert found == row
    assert found is not None
    assert found.user == ada


@pytest.mark.parametrize("text", ["", "jd_", "jd_wrong", "\ud800", "x" * 10_000, "jd_\x00"])
def test_a_different_text_finds_no_token(ada: User, text: str) -> None:
    Token.objects.issue(ada)
    assert Token.objects.find(text) is None


def test_the_token_of_an_inactive_user_is_not_found(ada: User) -> None:
    _, text = Token.objects.issue(ada)
    ada.is_active = False
    ada.save()
    assert Token.objects.find(text) is None


# --- files ------------------------------------------------------------------------------------


def read(log: InputFile) -> None: ...


def bound(**fields: Any) -> InputFile:
    upload = make_upload(data=b"line\n", name="a.log")
    job = make_job()
    UploadUse.objects.create(upload=upload, job=job)
    stored = {"log": {"upload": str(upload.pk)}}
    file: InputFile = ArgSpec(read).bind(stored, file_infos(job.pk))["log"]
    return file


def test_a_task_reads_its_file_by_path_or_as_a_stream() -> None:
    file = bound()
    assert (file.name, file.size) == ("a.log", 5)
    assert file.path.read_bytes() == b"line\n"
    with file.open() as stream:
        assert stream.read() == b"line\n"


@pytest.mark.usefixtures("jobs_setting")
def test_a_file_in_a_remote_storage_is_copied_once_and_the_copy_goes_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []

    class Remote(Storage):
        def _open(self, name: str, mode: str = "rb") -> Any:
            opened.append(name)
            return BytesIO(b"far away")

    file = bound()
    monkeypatch.setattr("jobs.catalog.input_file.job_storage", Remote)
    monkeypatch.setattr("jobs.core.storage.job_storage", Remote)
    path = file.path
    assert path.read_bytes() == b"far away"
    assert file.path == path
    assert len(opened) == 1
    del file
    gc.collect()
    assert not path.exists()


def test_a_project_can_choose_the_storage(settings: Any) -> None:
    with pytest.raises(InvalidStorageError):
        storages["jobs"]
    assert job_storage().path("x").endswith("x")
    settings.STORAGES = {
        **settings.STORAGES,
        "jobs": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }
    assert type(job_storage()).__name__ == "InMemoryStorage"
