"""Files in the form of a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from jobs.models import Job, Upload
from jobs.submission import store_upload
from tests.integration.form_pages import errors_in, form_at
from tests.integration.page_tasks import FILES


def test_a_file_sent_with_the_form_is_kept_while_something_else_is_wrong(
    page: Client, ada: User
) -> None:
    log = SimpleUploadedFile("access.log", b"GET /\n")
    answer = page.post(form_at(FILES), {"log": log, "option-priority": "x"})
    upload = Upload.objects.get()
    html = answer.content.decode()
    assert answer.status_code == 422
    assert f'value="{upload.pk}"' in html
    assert "access.log" in html
    assert (upload.owner, upload.size) == (ada, 6)
    page.post(form_at(FILES), {"log": str(upload.pk)})
    job = Job.objects.get()
    assert job.kwargs == {"log": {"upload": str(upload.pk)}, "more": []}
    assert [use.upload for use in job.upload_uses.all()] == [upload]


def test_several_files_are_added_to_those_uploaded_before(page: Client, ada: User) -> None:
    before = store_upload(ada, "before.txt", [b"1"])
    more = [SimpleUploadedFile(name, b"22") for name in ("a.txt", "b.txt")]
    log = SimpleUploadedFile("log.txt", b"333")
    page.post(form_at(FILES), {"log": [log], "more": [str(before.pk), *more]})
    ids = [one["upload"] for one in Job.objects.get().kwargs["more"]]
    names = [Upload.objects.get(pk=one).name for one in ids]
    assert names == ["before.txt", "a.txt", "b.txt"]


def test_a_new_file_replaces_the_one_that_was_kept(page: Client, ada: User) -> None:
    before = store_upload(ada, "before.txt", [b"1"])
    log = SimpleUploadedFile("new.txt", b"333")
    page.post(form_at(FILES), {"log": [str(before.pk), log]})
    assert Upload.objects.get(pk=Job.objects.get().kwargs["log"]["upload"]).name == "new.txt"


def test_another_users_file_is_missing_like_one_that_was_deleted(page: Client, bob: User) -> None:
    foreign = store_upload(bob, "secret.txt", [b"1"])
    for one in (str(foreign.pk), "0192d3a0-0000-7000-8000-000000000000", "nonsense"):
        answer = page.post(form_at(FILES), {"log": one})
        html = answer.content.decode()
        assert answer.status_code == 422
        assert errors_in(html) == ["This file is no longer here. Choose it again."]
        assert "secret.txt" not in html


@pytest.mark.parametrize("told_length", [True, False])
def test_too_large_a_file_is_a_413_and_nothing_is_kept(
    page: Client,
    jobs_setting: Callable[..., None],
    tmp_path: Path,
    told_length: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With room for the rest of a form, the length alone does not tell: the file's bytes do.
    jobs_setting(MAX_UPLOAD=100_000, MAX_BODY=1_000 if told_length else 10_000_000)
    log = SimpleUploadedFile("large.log", b"x" * 200_000)
    answer = page.post(form_at(FILES), {"log": log})
    assert answer.status_code == 413
    assert "100 kB" in answer.content.decode()
    assert not Upload.objects.exists()
    assert not Job.objects.exists()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
