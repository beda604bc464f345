"""Uploaded files: stored once, kept for the jobs that use them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError

from jobs import lifecycle
from jobs.core.storage import job_storage
from jobs.errors import InvalidArguments, TooLarge, Unavailable
from jobs.models import Job, Upload, UploadUse
from jobs.submission import store_upload, submit_job, uploads
from tests.factories import make_upload
from tests.integration.api_tasks import READ

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]


def test_an_upload_is_kept_for_the_jobs_that_use_it(ada: User) -> None:
    upload = make_upload(ada)
    sent = {"log": {"upload": str(upload.pk)}}
    for _ in range(2):
        job = submit_job(READ, sent, owner=ada, enforce_limits=True).job
        assert job.kwargs["log"] == {"upload": str(upload.pk)}
    assert UploadUse.objects.filter(upload=upload).count() == 2


def test_a_job_has_no_more_files_than_a_query_takes(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    first, second, third = ({"upload": str(make_upload(ada).pk)} for _ in range(3))
    assert submit_job(READ, {"log": first, "more": [second]}, owner=ada).created
    with pytest.raises(InvalidArguments, match="At most 2 files, not 3"):
        submit_job(READ, {"log": first, "more": [second, third]}, owner=ada)
    assert Job.objects.count() == 1


def test_the_same_upload_twice_in_one_job_is_one_use(ada: User) -> None:
    reference = {"upload": str(make_upload(ada).pk)}
    submit_job(READ, {"log": reference, "more": [reference, reference]}, owner=ada)
    assert UploadUse.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_is_pruned_in_between_is_missing(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = make_upload(ada)
    insert = lifecycle.insert_job

    def late(job: Job, *more: Any) -> None:
        Upload.objects.all().delete()
        insert(job, *more)

    monkeypatch.setattr(lifecycle, "insert_job", late)
    with pytest.raises(InvalidArguments, match="no upload"):
        submit_job(READ, {"log": {"upload": str(upload.pk)}}, owner=ada)
    assert not Job.objects.exists()


def test_an_upload_of_another_user_is_missing(ada: User, bob: User, chief: User) -> None:
    sent = {"log": {"upload": str(make_upload(bob).pk)}}
    with pytest.raises(InvalidArguments) as caught:
        submit_job(READ, sent, owner=ada, enforce_limits=True)
    assert caught.value.errors[0]["pointer"] == "/log"
    assert not UploadUse.objects.exists()
    assert submit_job(READ, sent, owner=chief, enforce_limits=True).created
    assert submit_job(READ, sent).created


def _stored_files() -> list[str]:
    storage = job_storage()
    try:
        folders = storage.listdir("uploads")[0]
    except FileNotFoundError:
        return []
    return [file for folder in folders for file in storage.listdir(f"uploads/{folder}")[1]]


def test_a_file_whose_row_cannot_be_written_is_deleted(
    ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(self: Upload, **_: Any) -> None:
        assert len(_stored_files()) == 1
        raise OperationalError("database is locked")

    monkeypatch.setattr(Upload, "save", locked)
    with pytest.raises(Unavailable):
        make_upload(ada)
    assert _stored_files() == []


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("access.log", "access.log"),
        ("C:\\temp\\a b.log", "a b.log"),
        ("../../etc/passwd", "passwd"),
        ("ünï.log", "ünï.log"),
        ("a\r\nb\x00.log", "ab\ufffd.log"),
        ("", "upload"),
        ("/", "upload"),
        ("x" * 300, "x" * 255),
    ],
)
def test_the_name_of_a_file_is_only_displayed(ada: User, sent: str, shown: str) -> None:
    upload = store_upload(ada, sent, [b"ab", b"c"])
    assert (upload.name, upload.size, upload.owner_id) == (shown, 3, ada.pk)
    assert upload.file == f"uploads/{upload.pk.hex[:6]}/{upload.pk.hex}"
    with job_storage().open(upload.file) as stored:
        assert stored.read() == b"abc"


def test_a_file_over_the_limit_leaves_nothing(ada: User, jobs_setting: Callable[..., None]) -> None:
    jobs_setting(MAX_UPLOAD=10)
    assert store_upload(ada, "fits", [b"12345", b"67890"]).size == 10
    with pytest.raises(TooLarge) as caught:
        store_upload(ada, "big", [b"12345", b"67890", b"1"])
    assert caught.value.limit == 10
    assert Upload.objects.count() == 1
    assert len(_stored_files()) == 1


def test_a_client_that_leaves_midway_leaves_nothing(ada: User) -> None:
    def chunks() -> Any:
        yield b"begun"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store_upload(ada, "half", chunks())
    assert not Upload.objects.exists()
    assert _stored_files() == []


def test_an_empty_file_is_a_file(ada: User) -> None:
    assert store_upload(ada, "empty", []).size == 0
