"""Uploads that go on where they were cut off, as clients of tus 1.0.0 send them."""

from __future__ import annotations

import io
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.core.storage import job_storage
from jobs.models import ResumableUpload, Upload, UploadPiece
from jobs.submission.resumable import pieces
from tests.integration.api_client import Api
from tests.integration.api_tasks import READ
from tests.integration.resumable_client import (
    PIECE,
    RESUMABLE,
    append,
    begin,
    create,
    offset_of,
    stored_files,
)

METADATA = (
    f"filename {b64encode('grün.log'.encode()).decode()},filetype {b64encode(b'a/b').decode()}"
)


class Body(io.RawIOBase):
    """A body of which only a part arrives; then its connection, or its process, ends."""

    def __init__(self, *chunks: bytes, end: BaseException | None = None) -> None:
        self.chunks = [*chunks]
        self.end = end
        self.reads = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, whatever size is asked for."""
        self.reads += 1
        if self.chunks:
            return self.chunks.pop(0)
        if self.end is not None:
            raise self.end
        return b""


def streamed(*chunks: bytes, length: str = "", end: BaseException | None = None) -> dict[str, Any]:
    """What the server gives to the site for a body; without a length it came in chunks."""
    more: dict[str, Any] = {"wsgi.input": Body(*chunks, end=end), "CONTENT_LENGTH": length}
    if not length:
        more |= {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return more


def test_its_abilities_can_be_asked_for(api: Api, jobs_setting: Any) -> None:
    jobs_setting(MAX_UPLOAD=1234)
    response = api.send("options", RESUMABLE)
    assert response.status_code == 204
    assert response.headers["Tus-Version"] == response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers["Tus-Extension"] == "creation,termination,expiration"
    assert response.headers["Tus-Max-Size"] == "1234"


def test_an_upload_begins_empty(api: Api) -> None:
    response = create(api, 10, Upload_Metadata=METADATA)
    assert response.status_code == 201
    assert response.json() == {**response.json(), "name": "grün.log", "size": 10}
    assert response.headers["Location"] == f"/api/v1/uploads/{response.json()['id']}"
    assert response.headers["Upload-Expires"].endswith(" GMT")
    shown = api.send("head", response.headers["Location"])
    assert shown.status_code == 200
    assert (shown.headers["Upload-Offset"], shown.headers["Upload-Length"]) == ("0", "10")
    assert shown.headers["Upload-Metadata"] == METADATA
    assert shown.headers["Upload-Expires"] == response.headers["Upload-Expires"]
    assert shown.headers["Cache-Control"] == "no-store"
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"length": ""}, 400),
        ({"length": "x"}, 400),
        ({"length": "-1"}, 400),
        ({"length": "9" * 30}, 400),
        ({"length": "101"}, 413),
        ({"Upload_Defer_Length": "1"}, 400),
        ({"Upload_Metadata": "filename ???"}, 400),
        ({"Upload_Metadata": "filename Y, filename Y"}, 400),
        ({"Upload_Metadata": "a YQ==,a YQ=="}, 400),
        ({"Upload_Metadata": "ü YQ=="}, 400),
        ({"Upload_Metadata": "a " + "YWJj" * 2000}, 400),
        ({"Tus_Resumable": "0.2.2"}, 412),
    ],
)
def test_what_cannot_be_begun(
    api: Api, jobs_setting: Any, headers: dict[str, str], status: int
) -> None:
    jobs_setting(MAX_UPLOAD=100)
    response = create(api, **{"length": "10", **headers})
    assert response.status_code == status
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers.get("Tus-Version") == ("1.0.0" if status == 412 else None)
    assert not ResumableUpload.objects.exists()


@pytest.mark.parametrize("metadata", ["", "is_secret", "name YS5sb2c=", "filename YS5sb2c=, x "])
def test_metadata_as_clients_send_it(api: Api, metadata: str) -> None:
    response = create(api, 10, Upload_Metadata=metadata)
    assert response.status_code == 201
    assert response.json()["name"] == ("a.log" if "YS5" in metadata else "upload")


def test_pieces_become_an_ordinary_upload(api: Api, ada: User) -> None:
    address = begin(api, 10)
    for offset, data in ((0, b"0123"), (4, b"4"), (5, b"56789")):
        response = append(api, address, offset, data)
        assert response.status_code == 204
        assert response.headers["Upload-Offset"] == str(offset + len(data))
        assert ("Upload-Expires" in response.headers) == (offset + len(data) < 10)
        assert offset_of(api, address) == offset + len(data)
    upload = Upload.objects.get()
    assert (upload.owner, upload.name, upload.size) == (ada, "upload", 10)
    assert address.endswith(str(upload.pk))
    with job_storage().open(upload.file) as stored:
        assert stored.read() == b"0123456789"
    assert stored_files() == {upload.file}
    assert not UploadPiece.objects.exists()
    assert api.submit(READ, args={"log": {"upload": str(upload.pk)}}).status_code == 202


def test_an_empty_file_is_complete_at_once(api: Api) -> None:
    address = begin(api, 0)
    assert Upload.objects.get().size == 0
    assert offset_of(api, address) == 0
    assert append(api, address, 0, b"", CONTENT_TYPE=PIECE).status_code == 204


@pytest.mark.parametrize("offset", [0, 3, 5, 10])
def test_a_piece_that_begins_elsewhere_is_a_409(api: Api, offset: int) -> None:
    address = begin(api, 10)
    append(api, address, 0, b"0123")
    response = append(api, address, offset, b"x")
    assert response.status_code == 409
    assert response.headers["Upload-Offset"] == "4"
    assert response.json()["type"].endswith("#wrong-offset")
    assert offset_of(api, address) == 4
    assert len(stored_files()) == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"content_type": "application/octet-stream"}, 415),
        ({"headers": {"Upload-Offset": ""}}, 400),
        ({"headers": {"Upload-Offset": "-1"}}, 400),
        ({"headers": {"Tus-Resumable": "2.0.0"}}, 412),
        ({"CONTENT_LENGTH": "x"}, 400),
    ],
)
def test_what_is_no_piece(api: Api, more: dict[str, Any], status: int) -> None:
    address = begin(api, 10)
    response = append(api, address, 0, b"0123", **more)
    assert response.status_code == status
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert offset_of(api, address) == 0


def test_more_than_was_announced_is_a_413_and_not_read(api: Api) -> None:
    address = begin(api, 10)
    append(api, address, 0, b"0123")
    more = streamed(b"x" * 7, length="7")
    assert append(api, address, 4, b"-", **more).status_code == 413
    assert more["wsgi.input"].reads == 0
    assert append(api, address, 4, b"-", **streamed(b"x" * 6, b"x")).status_code == 413
    assert offset_of(api, address) == 4
    assert len(stored_files()) == 1


def test_what_arrives_before_the_connection_breaks_is_kept(api: Api) -> None:
    address = begin(api, 10)
    response = append(api, address, 0, b"-", **streamed(b"012", b"3", length="10"))
    assert response.status_code == 400
    assert offset_of(api, address) == 4
    broken = streamed(b"45", end=OSError("reset by peer"))
    assert append(api, address, 4, b"-", **broken).status_code == 400
    assert offset_of(api, address) == 6
    assert append(api, address, 6, b"6789").status_code == 204
    with job_storage().open(Upload.objects.get().file) as stored:
        assert stored.read() == b"0123456789"


def test_a_connection_that_brings_nothing_harms_nothing(api: Api) -> None:
    address = begin(api, 10)
    assert append(api, address, 0, b"-", **streamed(length="10")).status_code == 400
    assert offset_of(api, address) == 0
    assert stored_files() == set()


def test_a_server_that_dies_has_kept_the_pieces_before(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE", 4)
    address = begin(api, 20)
    dying = streamed(b"0123", b"4567", b"89", length="20", end=SystemExit())
    with pytest.raises(SystemExit):
        append(api, address, 0, b"-", **dying)
    assert offset_of(api, address) == 8
    assert append(api, address, 8, b"-", **streamed(b"89ab", b"cdef", b"ghij")).status_code == 204
    assert Upload.objects.get().size == 20
    assert len(stored_files()) == 1


def test_of_two_requests_with_one_piece_one_counts(api: Api) -> None:
    address = begin(api, 10)

    class Late(Body):
        def read(self, size: int = -1) -> bytes:
            if self.reads == 1:
                assert append(api, address, 0, b"quick").status_code == 204
            return super().read(size)

    late = {**streamed(b"late.", length="5"), "wsgi.input": Late(b"late.")}
    response = append(api, address, 0, b"-", **{**late, "CONTENT_LENGTH": "6"})
    assert response.status_code == 409
    assert offset_of(api, address) == 5
    assert len(stored_files()) == 1
    append(api, address, 5, b" one.")
    with job_storage().open(Upload.objects.get().file) as stored:
        assert stored.read() == b"quick one."


def test_the_token_is_checked_before_the_body_is_read(api: Api) -> None:
    address = begin(api, 10)
    more = streamed(b"0123", length="4")
    nobody = Api(None)
    assert append(nobody, address, 0, b"-", **more).status_code == 401
    assert create(nobody, 10).status_code == 401
    assert nobody.send("head", address).status_code == 401
    assert more["wsgi.input"].reads == 0


def test_a_session_needs_its_csrf_token(api: Api, ada: User) -> None:
    address = begin(api, 10)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)
    sent = browser.patch(address, b"0123", PIECE, headers={"Upload-Offset": "0"})
    assert sent.status_code == 403
    assert browser.delete(address).status_code == 403
    assert browser.head(address).status_code == 200
    assert browser.options(RESUMABLE).status_code == 204


def test_the_upload_of_another_user_is_missing(api: Api, bob: User, chief: User) -> None:
    address = begin(api, 10)
    body = streamed(b"0123", length="4")
    for other in (Api(bob), Api(chief)):
        assert append(other, address, 0, b"-", **body).status_code == 404
        assert other.send("head", address).status_code == 404
        assert other.send("delete", address).status_code == 404
    assert body["wsgi.input"].reads == 0
    assert offset_of(api, address) == 0
    append(api, address, 0, b"0123456789")
    for other in (Api(bob), Api(chief)):
        assert other.send("head", address).status_code == 404
        assert other.send("delete", address).status_code == 404
    assert Upload.objects.exists()


@pytest.mark.parametrize("key", ["x", "resumables", "00000000-0000-4000-8000-000000000000"])
def test_an_upload_that_does_not_exist_is_a_404(api: Api, key: str) -> None:
    assert api.send("head", f"/api/v1/uploads/{key}").status_code == 404
    assert append(api, f"/api/v1/uploads/{key}", 0, b"x").status_code == 404


def test_a_job_cannot_use_an_upload_that_is_not_complete(api: Api, bob: User) -> None:
    address = begin(api, 10)
    append(api, address, 0, b"0123")
    key = address.rpartition("/")[2]
    response = api.submit(READ, args={"log": {"upload": key}})
    assert response.status_code == 422
    assert response.json()["errors"] == [
        {
            "pointer": "/args/log",
            "detail": f"The upload {key} is not complete: 4 of 10 bytes are stored. "
            "Send the rest of it first.",
        }
    ]
    theirs = Api(bob).submit(READ, args={"log": {"upload": key}})
    assert theirs.json()["errors"][0]["detail"] == f"There is no upload {key} of yours."


@pytest.mark.django_db(transaction=True)
def test_an_upload_is_deleted(api: Api) -> None:
    address = begin(api, 10)
    append(api, address, 0, b"0123")
    assert api.send("delete", address).status_code == 204
    assert stored_files() == set()
    assert not ResumableUpload.objects.exists()
    assert not UploadPiece.objects.exists()
    assert api.send("head", address).status_code == 404
    assert append(api, address, 4, b"4").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_complete_upload_is_deleted_unless_a_job_uses_it(api: Api) -> None:
    for address in (begin(api, 1), _in_one_request(api)):
        if offset_of(api, address) == 0:
            append(api, address, 0, b"x")
        used = {"upload": address.rpartition("/")[2]}
        assert api.submit(READ, args={"log": used}).status_code == 202
        response = api.send("delete", address)
        assert response.status_code == 409
        assert "A job uses" in response.json()["detail"]
    unused = _in_one_request(api)
    files = stored_files()
    assert api.send("delete", unused).status_code == 204
    assert len(files - stored_files()) == 1
    assert api.send("head", unused).status_code == 404


def _in_one_request(api: Api) -> str:
    sent = api.post("/api/v1/uploads?name=a.log", b"all", content_type="a/b")
    return f"/api/v1/uploads/{sent.json()['id']}"


def test_an_upload_that_came_in_one_request_is_complete(api: Api) -> None:
    shown = api.send("head", _in_one_request(api))
    assert shown.headers["Upload-Offset"] == shown.headers["Upload-Length"] == "3"
    assert shown.headers["Upload-Metadata"] == "filename YS5sb2c="


def test_post_carries_the_method_where_a_proxy_takes_no_other(api: Api) -> None:
    address = begin(api, 10)
    headers = {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert api.send("post", address, b"01", content_type=PIECE, headers=headers).status_code == 204
    assert offset_of(api, address) == 2
    headers = {"X-HTTP-Method-Override": "DELETE"}
    assert api.send("post", address, headers=headers).status_code == 204
    assert api.send("post", address).status_code == 405


def test_one_that_comes_in_too_many_pieces(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_PIECES", 2)
    address = begin(api, 10)
    assert append(api, address, 0, b"0").status_code == 204
    assert append(api, address, 1, b"1").status_code == 204
    response = append(api, address, 2, b"2")
    assert response.status_code == 409
    assert "in larger ones" in response.json()["detail"]
    assert offset_of(api, address) == 2


def test_the_bytes_that_arrive_are_not_held_in_memory(api: Api, tmp_path: Path) -> None:
    address = begin(api, 3 * pieces.PIECE)
    chunks = [b"x" * 64 * 1024] * (3 * pieces.PIECE // (64 * 1024))
    opened: list[int] = []

    class Watching(Body):
        def read(self, size: int = -1) -> bytes:
            opened.append(UploadPiece.objects.count())
            return super().read(size)

    more = streamed(length=str(3 * pieces.PIECE))
    response = append(api, address, 0, b"-", **{**more, "wsgi.input": Watching(*chunks)})
    assert response.status_code == 204
    assert sorted(set(opened)) == [0, 1, 2]
    assert Upload.objects.get().size == 3 * pieces.PIECE
    assert not list((tmp_path / "incoming").iterdir())
