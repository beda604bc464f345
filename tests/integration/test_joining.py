"""The pieces of a resumable upload become one file, or the upload goes back to what is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from jobs.core.storage import delete_files, job_storage
from jobs.errors import TooLarge, UploadBusy
from jobs.models import ResumableUpload, Upload, UploadPiece
from jobs.submission import store_upload
from jobs.submission.resumable import joining, pieces, rows
from jobs.submission.uploads import store_chunks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_jobs")]


@pytest.fixture
def upload(ada: User, monkeypatch: pytest.MonkeyPatch) -> ResumableUpload:
    """An upload of ten bytes, all of which are stored in two pieces."""
    monkeypatch.setattr(pieces, "PIECE", 5)
    made = rows.create(ada, "a.log", 10)
    pieces.append(made, iter([b"01234", b"56789"]))
    return made


def row(upload: ResumableUpload) -> ResumableUpload:
    return ResumableUpload.objects.get(pk=upload.pk)


def stored() -> set[str]:
    folder = f"uploads/{job_storage().listdir('uploads')[0][0]}"
    return {f"{folder}/{name}" for name in job_storage().listdir(folder)[1]}


def test_what_arrives_is_stored_in_pieces_of_bounded_size(upload: ResumableUpload) -> None:
    found = list(UploadPiece.objects.order_by("offset").values_list("offset", "size"))
    assert found == [(0, 5), (5, 5)]
    assert row(upload).stored == upload.stored == 10


def test_they_become_one_file_that_is_kept_for_a_day(upload: ResumableUpload) -> None:
    now = timezone.now()
    joining.finish(upload)
    made = Upload.objects.get()
    with job_storage().open(made.file) as file:
        assert file.read() == b"0123456789"
    assert (made.pk, made.name, made.size) == (upload.pk, "a.log", 10)
    assert stored() == {made.file}
    assert not UploadPiece.objects.exists()
    assert upload.is_complete
    assert row(upload).is_complete
    assert row(upload).expires_at >= now + rows.KEPT


def test_it_is_not_finished_before_its_last_byte(ada: User) -> None:
    made = rows.create(ada, "a.log", 10)
    pieces.append(made, iter([b"012"]))
    joining.finish(made)
    assert not Upload.objects.exists()
    assert not made.is_complete


@pytest.mark.parametrize("lost", ["row", "file"])
def test_it_goes_back_to_where_a_piece_is_missing(upload: ResumableUpload, lost: str) -> None:
    piece = UploadPiece.objects.get(offset=5)
    if lost == "row":
        piece.delete()
    delete_files([piece.file])
    joining.finish(upload)
    assert (upload.stored, row(upload).stored) == (5, 5)
    assert (row(upload).is_complete, row(upload).joining_until) == (False, None)
    assert not Upload.objects.exists()
    assert stored() == {UploadPiece.objects.get().file}
    pieces.append(upload, iter([b"56789"]))
    joining.finish(upload)
    assert Upload.objects.get().size == 10


def test_while_one_joins_them_another_waits_two_minutes(
    upload: ResumableUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(*arguments: Any) -> str:
        until = row(upload).joining_until
        assert until is not None
        assert timedelta() < until - timezone.now() <= joining.JOINING
        with pytest.raises(UploadBusy):
            joining.finish(row(upload))
        return store_chunks(*arguments)

    monkeypatch.setattr(joining, "store_chunks", meanwhile)
    joining.finish(upload)
    assert Upload.objects.count() == 1


def test_one_that_died_while_it_joined_them_is_not_waited_for(upload: ResumableUpload) -> None:
    past = timezone.now() - timedelta(seconds=1)
    ResumableUpload.objects.update(joining_until=past)
    joining.finish(upload)
    assert Upload.objects.count() == 1


def test_what_another_has_completed_meanwhile_does_not_go_back(
    upload: ResumableUpload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: Any) -> str:
        ResumableUpload.objects.update(is_complete=True)
        raise joining._Damaged(5)

    monkeypatch.setattr(joining, "store_chunks", too_late)
    with pytest.raises(UploadBusy):
        joining.finish(upload)
    assert row(upload).stored == 10
    assert UploadPiece.objects.count() == 2


def test_a_file_as_large_as_the_limit_may_be_sent(
    ada: User, jobs_setting: Callable[..., None]
) -> None:
    jobs_setting(MAX_UPLOAD=10)
    assert rows.create(ada, "a.log", 10).length == 10
    with pytest.raises(TooLarge):
        rows.create(ada, "a.log", 11)


def test_one_that_came_in_one_request_is_known_for_a_day(ada: User) -> None:
    made = store_upload(ada, "a.log", [b"abc"])
    found = rows.find(ada, made.pk)
    assert found is not None
    assert (found.stored, found.length, found.is_complete) == (3, 3, True)
    assert found.expires_at == made.created_at + rows.KEPT
