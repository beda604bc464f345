"""POST /uploads, and jobs that refer to uploads."""

from __future__ import annotations

import errno
import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import FileSystemStorage

from jobs.api.request_body import CHUNK
from jobs.core.storage import job_storage
from jobs.models import Upload, UploadUse
from tests.integration.api_client import Api
from tests.integration.api_tasks import READ

UPLOADS = "/api/v1/uploads"


def send(api: Api, data: bytes, name: str = "a.log", **more: Any) -> Any:
    more.setdefault("content_type", "application/octet-stream")
    return api.post(f"{UPLOADS}?name={name}", data, **more)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


class Stream(io.RawIOBase):
    """Bytes that are made as they are read, and the size of the largest read."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.largest = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        assert size >= 0, "the whole body was asked for"
        self.largest = max(self.largest, size)
        given = min(size, self.left)
        self.left -= given
        return b"x" * given


def test_the_bytes_are_stored(api: Api, ada: User) -> None:
    response = send(api, b"one\ntwo\n", "access.log")
    shown = response.json()
    assert response.status_code == 201
    assert (shown["name"], shown["size"]) == ("access.log", 8)
    row = Upload.objects.get(pk=shown["id"])
    assert row.owner == ada
    with job_storage().open(row.file) as stored:
        assert stored.read() == b"one\ntwo\n"


def test_a_large_upload_is_read_in_pieces(api: Api) -> None:
    stream = Stream(10 * 1024**2)
    response = api.post(
        UPLOADS, b"-", content_type="a/b", CONTENT_LENGTH=str(stream.left), **{"wsgi.input": stream}
    )
    assert response.json()["size"] == 10 * 1024**2
    assert stream.largest <= CHUNK


def test_a_body_of_unknown_length_is_read_to_its_end(api: Api) -> None:
    more = {"wsgi.input": Stream(300_000), "wsgi.input_terminated": True}
    response = api.post(
        UPLOADS,
        b"-",
        content_type="a/b",
        CONTENT_LENGTH="",
        HTTP_TRANSFER_ENCODING="chunked",
        **more,
    )
    assert response.json()["size"] == 300_000


def test_a_body_whose_end_is_unknown_is_a_411(api: Api) -> None:
    response = api.post(
        UPLOADS, b"-", content_type="a/b", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"
    )
    assert response.status_code == 411


class BrokenChunks(io.RawIOBase):
    """A body of which a server's parser cannot make anything, from its beginning or later."""

    def __init__(self, *good: bytes) -> None:
        self.good = [*good]

    def read(self, size: int = -1) -> bytes:
        """Return the next good bytes, then raise."""
        if self.good:
            return self.good.pop(0)
        raise ValueError("Invalid chunk size: b'zz'")


@pytest.mark.parametrize("good", [[], [b"abc"]], ids=["at once", "later"])
def test_a_body_that_a_server_cannot_read_is_a_400(
    api: Api, jobs_setting: Any, tmp_path: Path, good: list[bytes]
) -> None:
    jobs_setting(DATA_DIR=tmp_path)
    more = {"wsgi.input": BrokenChunks(*good), "wsgi.input_terminated": True}
    response = api.post(
        UPLOADS,
        b"-",
        content_type="a/b",
        CONTENT_LENGTH="",
        HTTP_TRANSFER_ENCODING="chunked",
        **more,
    )
    assert response.status_code == 400
    assert not Upload.objects.exists()
    assert not files(tmp_path)


def test_a_body_that_is_still_compressed_is_a_400(api: Api) -> None:
    """As gunicorn gives it."""
    more = {"wsgi.input": Stream(10), "wsgi.input_terminated": True}
    response = api.post(
        UPLOADS,
        b"-",
        content_type="a/b",
        CONTENT_LENGTH="",
        HTTP_TRANSFER_ENCODING="gzip, chunked",
        **more,
    )
    assert response.status_code == 400
    assert not Upload.objects.exists()


def test_too_long_a_body_is_refused_unread(api: Api, jobs_setting: Any, tmp_path: Path) -> None:
    jobs_setting(MAX_UPLOAD=1000, DATA_DIR=tmp_path)
    stream = Stream(1001)
    response = api.post(
        UPLOADS, b"-", content_type="a/b", CONTENT_LENGTH="1001", **{"wsgi.input": stream}
    )
    assert response.status_code == 413
    assert stream.left == 1001
    assert not files(tmp_path)


def test_an_upload_over_the_limit_leaves_nothing(
    api: Api, jobs_setting: Any, tmp_path: Path
) -> None:
    jobs_setting(MAX_UPLOAD=100_000, DATA_DIR=tmp_path)
    more = {"wsgi.input": Stream(10**9), "wsgi.input_terminated": True}
    response = api.post(UPLOADS, b"-", content_type="a/b", CONTENT_LENGTH="", **more)
    assert response.status_code == 413
    assert not files(tmp_path)
    assert not Upload.objects.exists()


def test_an_upload_that_breaks_off_leaves_nothing(api: Api, tmp_path: Path) -> None:
    more = {"CONTENT_LENGTH": "5000", "wsgi.input": io.BytesIO(b"x" * 4000)}
    response = api.post(UPLOADS, b"-", content_type="a/b", **more)
    assert response.status_code == 400
    assert "4,000 of 5,000" in response.json()["detail"]
    assert not files(tmp_path)
    assert not Upload.objects.exists()


@pytest.mark.parametrize("length", ["x", "-5", "1" * 30, "+3"])
def test_a_bad_content_length_is_a_400(api: Api, length: str) -> None:
    assert send(api, b"abc", CONTENT_LENGTH=length).status_code == 400


@pytest.mark.parametrize(
    ("code", "detail", "seconds"),
    [(errno.ENOSPC, "disk is full", "60"), (errno.EIO, "cannot be used now", "10")],
)
def test_a_disk_that_fails_is_a_503(
    api: Api, monkeypatch: pytest.MonkeyPatch, code: int, detail: str, seconds: str
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(FileSystemStorage, "_save", fail)
    response = send(api, b"x")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == seconds
    assert detail in response.json()["detail"]
    assert not Upload.objects.exists()


def test_a_full_disk_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.queries.storage_health.MIN_FREE_BYTES", 10**18)
    response = api.get("/readyz")
    assert response.status_code == 503
    assert "disk is full" in response.json()["detail"]


def test_a_multipart_form_is_a_415(api: Api) -> None:
    response = send(api, b"--x--", content_type="multipart/form-data; boundary=x")
    assert response.status_code == 415
    assert "--data-binary" in response.json()["detail"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("C:%5Ctemp%5Ca.log", "a.log"),
        ("%00%0Aa.log", "a.log"),
        ("", "upload"),
        ("x" * 300 + ".log", "x" * 251 + ".log"),
        ("%C3%BC.log", "ü.log"),
    ],
)
def test_a_name_is_only_a_name(api: Api, given: str, kept: str) -> None:
    name = send(api, b"x", given).json()["name"]
    assert name.replace("\ufffd", "") == kept


def test_an_empty_body_is_a_file_too(api: Api) -> None:
    assert send(api, b"").json()["size"] == 0


def test_a_job_refers_to_an_upload(api: Api) -> None:
    upload = send(api, b"x").json()["id"]
    one = {"upload": upload}
    response = api.submit(READ, args={"log": one, "more": [one, one]})
    assert response.status_code == 202
    assert response.json()["args"]["log"] == one
    assert UploadUse.objects.get().upload_id == uuid.UUID(upload)


def test_a_missing_upload_and_anothers_look_the_same(api: Api, bob: User) -> None:
    anothers = send(Api(bob), b"x").json()["id"]
    for upload in (anothers, str(uuid.uuid4())):
        response = api.submit(READ, args={"log": {"upload": upload}})
        assert response.status_code == 422
        assert response.json()["errors"] == [
            {"pointer": "/args/log", "detail": f"There is no upload {upload} of yours."}
        ]


@pytest.mark.parametrize(
    "value",
    [
        "/etc/passwd",
        {"upload": "/etc/passwd"},
        {"path": "x"},
        {"upload": 1},
        [],
        None,
        {"upload": str(uuid.uuid4()), "name": "x"},
    ],
)
def test_a_file_is_given_by_its_id_alone(api: Api, value: Any) -> None:
    response = api.submit(READ, args={"log": value})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/args/log"


def test_more_files_than_a_job_may_have(api: Api) -> None:
    many = [{"upload": str(uuid.uuid4())} for _ in range(1001)]
    response = api.submit(READ, args={"log": many[0], "more": many})
    assert response.status_code == 422
