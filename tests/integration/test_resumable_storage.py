"""What is stored of resumable uploads, in a folder and on a server that speaks S3: while the
storage works, while it is away, and until retention deletes it."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.utils import timezone

from jobs.core.storage import job_storage
from jobs.lifecycle import FileCollector, PruneRun, delete_resumable_uploads, prune_chunk
from jobs.models import ResumableUpload, Upload, UploadPiece
from jobs.submission import uploads
from jobs.submission.resumable import joining, pieces
from tests.integration.api_client import Api
from tests.integration.resumable_client import append, begin, create, offset_of, stored_files
from tests.s3_server import S3Server
from webapp import file_storage

pytestmark = [pytest.mark.django_db(transaction=True)]

Away = Callable[[], AbstractContextManager[None]]
DATA = b"0123456789"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    made = S3Server()
    yield made
    made.stop()


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def away(
    request: pytest.FixtureRequest, settings: Any, api: Api, monkeypatch: pytest.MonkeyPatch
) -> Away:
    """The storage of this test; within the block that this makes it cannot be used."""
    if request.param == "folder":
        return _broken_folder
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server: S3Server = request.getfixturevalue("server")
    for name in server.names():
        server.delete(name)
    storage = file_storage.from_url(server.url, base=Path.cwd())
    settings.STORAGES = {**global_settings.STORAGES, "jobs": storage}

    @contextmanager
    def stopped() -> Iterator[None]:
        server.stop()
        try:
            yield
        finally:
            server.start()

    return stopped


@contextmanager
def _broken_folder() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_save", "_open"):
            patch.setattr(FileSystemStorage, name, _fail)
        yield


def _fail(*_: Any) -> None:
    raise OSError(errno.EIO, "The disk is gone")


def content() -> bytes:
    """What the one upload holds."""
    with job_storage().open(Upload.objects.get().file) as stored:
        read: bytes = stored.read()
        return read


def test_pieces_are_joined_to_one_file(
    away: Away, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE", 4)
    address = begin(api, 10)
    append(api, address, 0, DATA[:3])
    assert len(stored_files()) == 1
    assert append(api, address, 3, DATA[3:]).status_code == 204
    assert content() == DATA
    assert stored_files() == {Upload.objects.get().file}


def test_an_empty_upload(away: Away, api: Api) -> None:
    begin(api, 0)
    assert content() == b""


def test_while_the_storage_is_away_nothing_is_lost(away: Away, api: Api) -> None:
    address = begin(api, 10)
    append(api, address, 0, DATA[:4])
    with away():
        response = append(api, address, 4, DATA[4:7])
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "10"
        assert offset_of(api, address) == 4
        assert append(api, address, 4, DATA[4:]).status_code == 503
    assert offset_of(api, address) == 4
    assert append(api, address, 4, DATA[4:]).status_code == 204
    assert content() == DATA
    assert stored_files() == {Upload.objects.get().file}


def test_the_pieces_are_joined_later_when_the_storage_leaves_after_the_last(
    away: Away, api: Api
) -> None:
    """A client that hears an offset equal to the length sends nothing any more."""
    address = begin(api, 10)
    append(api, address, 0, DATA[:4])
    row = ResumableUpload.objects.get()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "store_chunks", _fail)
        assert append(api, address, 4, DATA[4:]).status_code == 503
    with away():
        response = api.send("head", address)
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "10"
        assert "Upload-Offset" not in response.headers
        answer = api.submit("testapp.read", args={"log": {"upload": str(row.pk)}})
        assert answer.status_code != 202
    assert UploadPiece.objects.count() == 2
    assert offset_of(api, address) == 10
    assert content() == DATA
    assert stored_files() == {Upload.objects.get().file}


@pytest.mark.parametrize("damage", ["gone", "cut", "unknown"])
def test_a_piece_that_was_lost_is_sent_again(away: Away, api: Api, damage: str) -> None:
    address = begin(api, 10)
    append(api, address, 0, DATA[:2])
    append(api, address, 2, DATA[2:4])
    append(api, address, 4, DATA[4:6])
    lost = UploadPiece.objects.get(offset=2)
    job_storage().delete(lost.file)
    if damage == "cut":
        cut = job_storage().save(lost.file, ContentFile(DATA[2:3]))
        UploadPiece.objects.filter(pk=lost.pk).update(file=cut)
    if damage == "unknown":
        lost.delete()
    response = append(api, address, 6, DATA[6:])
    assert (response.status_code, response.headers["Upload-Offset"]) == (204, "2")
    assert not Upload.objects.exists()
    assert append(api, address, 2, DATA[2:]).status_code == 204
    assert content() == DATA
    assert stored_files() == {Upload.objects.get().file}


def test_another_request_that_joins_them_is_waited_for(api: Api) -> None:
    address = begin(api, 3)
    now = timezone.now()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "store_chunks", _fail)
        append(api, address, 0, b"abc")
    ResumableUpload.objects.update(joining_until=now + timedelta(minutes=1))
    response = api.send("head", address)
    assert response.status_code == 423
    assert response.headers["Retry-After"] == "2"
    ResumableUpload.objects.update(joining_until=now - timedelta(seconds=1))
    assert offset_of(api, address) == 3
    assert content() == b"abc"


def test_of_two_requests_that_join_them_one_counts(api: Api) -> None:
    address = begin(api, 3)

    def late(*arguments: Any) -> str:
        """Meanwhile the other one, which counted this one as dead, has finished."""
        file = store_chunks(*arguments)
        patch.setattr(joining, "store_chunks", store_chunks)
        ResumableUpload.objects.update(joining_until=None)
        assert offset_of(api, address) == 3
        return file

    store_chunks = uploads.store_chunks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "store_chunks", late)
        assert append(api, address, 0, b"abc").status_code == 423
    assert content() == b"abc"
    assert stored_files() == {Upload.objects.get().file}


def test_one_that_is_deleted_while_its_pieces_are_joined_leaves_nothing(api: Api) -> None:
    address = begin(api, 3)

    def deleted(*arguments: Any) -> str:
        assert api.send("delete", address).status_code == 204
        return joining_store(*arguments)

    joining_store = uploads.store_chunks
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "store_chunks", deleted)
        assert append(api, address, 0, b"abc").status_code == 423
    assert api.send("head", address).status_code == 404
    assert not Upload.objects.exists()
    assert not ResumableUpload.objects.exists()
    assert stored_files() == set()


# --- retention --------------------------------------------------------------------------------


def test_retention_deletes_what_is_not_complete_after_a_day(away: Away, api: Api) -> None:
    address = begin(api, 10)
    append(api, address, 0, DATA[:4])
    prune_chunk(timezone.now() + timedelta(hours=23))
    assert offset_of(api, address) == 4
    assert prune_chunk(timezone.now() + timedelta(days=1, seconds=1)) >= 1
    assert stored_files() == set()
    assert not ResumableUpload.objects.exists()
    assert not UploadPiece.objects.exists()
    assert api.send("head", address).status_code == 404


def test_each_piece_gives_another_day(api: Api) -> None:
    address = begin(api, 10)
    yesterday = timezone.now() - timedelta(hours=23)
    ResumableUpload.objects.update(expires_at=yesterday + timedelta(days=1))
    before = api.send("head", address).headers["Upload-Expires"]
    response = append(api, address, 0, DATA[:4])
    assert response.headers["Upload-Expires"] != before
    assert ResumableUpload.objects.get().expires_at > timezone.now() + timedelta(hours=23)


def test_one_that_is_expired_is_missing_before_it_is_deleted(api: Api) -> None:
    address = begin(api, 10)
    ResumableUpload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api.send("head", address).status_code == 404
    assert append(api, address, 0, b"x").status_code == 404


def test_a_piece_that_comes_while_it_is_found_expired_saves_it(api: Api) -> None:
    address = begin(api, 10)
    append(api, address, 0, DATA[:4])
    row = ResumableUpload.objects.get()
    assert delete_resumable_uploads([row.pk], timezone.now()) == 0
    assert offset_of(api, address) == 4
    assert delete_resumable_uploads([], timezone.now()) == 0


def test_retention_goes_on_until_none_is_left(api: Api) -> None:
    for _ in range(3):
        begin(api, 10)
    run = PruneRun(timezone.now() + timedelta(days=2))
    assert (run.step(2), run.is_done) == (2, False)
    assert (run.step(2), run.is_done) == (1, True)


def test_a_complete_one_is_kept_for_its_jobs_as_every_upload(api: Api) -> None:
    address = begin(api, 1)
    append(api, address, 0, b"x")
    prune_chunk(timezone.now() + timedelta(days=1, seconds=1))
    assert not Upload.objects.exists()
    assert stored_files() == set()
    assert api.send("head", address).status_code == 404


def test_files_without_a_row_are_found_and_pieces_are_kept(away: Away, api: Api) -> None:
    address = begin(api, 10)
    append(api, address, 0, DATA[:4])
    kept = UploadPiece.objects.get().file
    strays = {
        job_storage().save(name, ContentFile(b"x")) for name in (f"{kept}0", kept.split(".")[0])
    }
    if isinstance(job_storage(), FileSystemStorage):
        for name in stored_files():
            os.utime(job_storage().path(name), (0, 0))
    assert strays < stored_files()
    collector, deleted = FileCollector(), 0
    while (found := collector.step(timezone.now() + timedelta(days=2))) is not None:
        deleted += found
    assert deleted == 2
    assert stored_files() == {kept}


def test_creation_while_the_storage_is_away_needs_none(away: Away, api: Api) -> None:
    with away():
        assert create(api, 10).status_code == 201
        assert create(api, 0).status_code == 503
