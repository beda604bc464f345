"""Uploads and artifacts on a server that speaks S3, while it works and while it is away."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import global_settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs.catalog.input_file import InputFile
from jobs.consumer.artifacts import store_artifact
from jobs.core.states import Status
from jobs.core.storage import job_storage
from jobs.core.uuid7 import uuid7
from jobs.lifecycle import FileCollector, prune_chunk
from jobs.models import Artifact, Job, Upload
from jobs.queries import storage_health
from jobs.submission import store_upload
from jobs.submission.uploads import file_infos
from tests.factories import finished_long_ago, make_artifact, make_job
from tests.integration.api_client import Api
from tests.integration.api_tasks import READ
from tests.integration.form_pages import errors_in, form_at
from tests.integration.page_tasks import FILES
from tests.s3_server import S3Server
from webapp import file_storage

pytestmark = [pytest.mark.django_db, pytest.mark.s3]

PARTS = 9_000_000
"""Bytes that boto3 sends in several parts: it begins to at 8 MiB."""
NOT_NOW = "The storage of files cannot be used now."
NO_RESPONSE = "The storage of files does not respond."


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    made = S3Server()
    yield made
    made.stop()


@pytest.fixture
def s3(
    server: S3Server,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    jobs_setting: Any,
) -> S3Server:
    """The storage of this test is the bucket."""
    # Its own log lines would be errors of the test.
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    use(settings, file_storage.from_url(server.url, base=tmp_path))
    monkeypatch.setattr(storage_health, "_service", storage_health._ServiceHealth())
    return server


@pytest.fixture
def away(s3: S3Server) -> Iterator[S3Server]:
    """The server is down."""
    s3.stop()
    yield s3
    s3.start()


def sent(response: Any) -> bytes:
    """The body of a response that streams a file."""
    return b"".join(response.streaming_content)


def use(settings: Any, storage: dict[str, Any]) -> None:
    settings.STORAGES = {**global_settings.STORAGES, "jobs": storage}


def test_a_new_bucket_is_empty_whatever_ran_in_this_process(s3: S3Server) -> None:
    s3.client().put_object(Bucket=s3.bucket, Key="of-another-test", Body=b"x")
    another = S3Server()
    try:
        assert another.names() == []
    finally:
        another.stop()
        s3.delete("of-another-test")


def test_a_file_goes_from_the_form_to_the_task(s3: S3Server, page: Client) -> None:
    log = SimpleUploadedFile("access.log", b"GET /\n" * 1000)
    response = page.post(form_at(FILES), {"log": log})
    assert response.status_code == 303
    job = Job.objects.get()
    upload = Upload.objects.get()
    assert s3.names() == [f"some/folder/{upload.file}"]
    file = InputFile(upload.pk, file_infos(job.pk)[str(upload.pk)])
    with file.open() as opened:
        assert opened.readline() == b"GET /\n"
    assert file.path.read_bytes() == b"GET /\n" * 1000
    shown = page.get(reverse("jobs:upload", args=[job.pk, upload.pk]))
    assert sent(shown) == b"GET /\n" * 1000


@pytest.mark.parametrize("size", [0, 1, PARTS])
def test_a_file_goes_from_the_api_to_the_task(s3: S3Server, api: Api, size: int) -> None:
    response = api.post("/api/v1/uploads?name=a.log", b"x" * size, content_type="text/plain")
    assert response.status_code == 201
    assert response.json()["size"] == size
    assert api.submit(READ, args={"log": {"upload": response.json()["id"]}}).status_code == 202
    with job_storage().open(Upload.objects.get().file) as stored:
        assert stored.read() == b"x" * size


def test_an_artifact_is_downloaded_everywhere(s3: S3Server, api: Api, ada: User) -> None:
    job = make_job(owner=ada, status=Status.RUNNING, attempt=1)
    stored = store_artifact(job.pk, 1, "a.txt", "grün")
    Artifact.objects.create(job=job, attempt=1, name="a.txt", size=stored.size, file=stored.file)
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    for response in (
        api.get(f"/api/v1/jobs/{job.pk}/artifacts/a.txt"),
        browser.get(reverse("jobs:artifact", args=[job.pk, "a.txt"])),
        browser.get(reverse("admin:jobs_job_artifact", args=[job.pk, Artifact.objects.get().pk])),
    ):
        assert response.status_code == 200
        assert sent(response) == "grün".encode()


def test_a_file_that_is_gone_is_a_404(s3: S3Server, api: Api, ada: User) -> None:
    job = make_job(owner=ada)
    artifact = make_artifact(job, "a.txt", b"x")
    job_storage().delete(artifact.file)
    assert api.get(f"/api/v1/jobs/{job.pk}/artifacts/a.txt").status_code == 404


def test_an_upload_that_breaks_off_leaves_nothing(s3: S3Server, ada: User) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"begun"
        raise ConnectionResetError

    before = s3.names()
    with pytest.raises(ConnectionResetError):
        store_upload(ada, "half", chunks())
    assert s3.names() == before
    assert not Upload.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_retention_deletes_the_files_of_a_job(s3: S3Server) -> None:
    artifact = make_artifact(finished_long_ago(), "a.txt", b"x")
    assert prune_chunk(timezone.now()) >= 1
    assert f"some/folder/{artifact.file}" not in s3.names()


def test_files_without_a_row_are_found_and_deleted(s3: S3Server) -> None:
    stray = store_artifact(uuid7(), 1, "a.txt", b"x").file
    kept = make_artifact(make_job(status=Status.RUNNING, attempt=1), "b.txt", b"x").file
    collector, deleted = FileCollector(), 0
    while (found := collector.step(timezone.now() + timedelta(days=2))) is not None:
        deleted += found
    assert deleted >= 1
    assert f"some/folder/{stray}" not in s3.names()
    assert f"some/folder/{kept}" in s3.names()


def test_a_storage_that_works_is_ready(s3: S3Server, client: Client, capsys: Any) -> None:
    before = s3.names()
    assert client.get("/readyz").status_code == 200
    with pytest.raises(CommandError):  # no consumer runs
        call_command("doctor")
    assert "The storage of files (S3Storage) can be written and read." in capsys.readouterr().out
    assert s3.names() == before


def test_readiness_asks_the_service_once_in_a_while(
    s3: S3Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(storage_health, "check_round_trip", asked.append)
    for _ in range(5):
        assert client.get("/readyz").status_code == 200
    assert len(asked) == 1
    monkeypatch.setattr(storage_health, "INTERVAL_SECONDS", 0.0)
    assert client.get("/readyz").status_code == 200
    assert len(asked) == 2


# --- the server is away -----------------------------------------------------------------------


def test_an_upload_by_the_api_is_a_503(away: S3Server, api: Api) -> None:
    response = api.post("/api/v1/uploads?name=a.log", b"x", content_type="text/plain")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "10"
    assert response.json()["detail"].startswith(NOT_NOW)
    assert str(away.port) not in response.content.decode()
    assert not Upload.objects.exists()


def test_an_upload_by_the_form_is_a_503_that_keeps_the_rest(away: S3Server, page: Client) -> None:
    log = SimpleUploadedFile("access.log", b"x")
    response = page.post(form_at(FILES), {"log": log, "option-priority": "-7"})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "10"
    html = response.content.decode()
    assert errors_in(html)[0].startswith(NOT_NOW)
    assert 'value="-7"' in html
    assert not Job.objects.exists()


def test_a_download_is_a_503(away: S3Server, api: Api, page: Client, ada: User) -> None:
    job = make_job(owner=ada)
    Artifact.objects.create(job=job, attempt=1, name="a.txt", size=1, file="artifacts/a/b/c")
    for response in (
        api.get(f"/api/v1/jobs/{job.pk}/artifacts/a.txt"),
        page.get(reverse("jobs:artifact", args=[job.pk, "a.txt"])),
    ):
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "10"
        assert NOT_NOW in response.content.decode()


def test_readiness_and_doctor_say_so(away: S3Server, client: Client, capsys: Any) -> None:
    response = client.get("/readyz")
    assert response.status_code == 503
    # On a busy machine the attempts to connect can take longer than it waits for them.
    assert response.json()["detail"].startswith((NOT_NOW, NO_RESPONSE))
    with pytest.raises(CommandError):
        call_command("doctor")
    assert "The storage of files (S3Storage) cannot be used: " in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_retention_goes_on_and_the_files_are_deleted_later(away: S3Server) -> None:
    job = finished_long_ago()
    Artifact.objects.create(job=job, attempt=1, name="a.txt", size=1, file="artifacts/a/b/c")
    assert prune_chunk(timezone.now()) >= 1
    assert not Job.objects.filter(pk=job.pk).exists()
    with pytest.raises(CommandError, match="cannot be searched now"):
        call_command("prune")


def test_a_service_that_never_answers_holds_nobody(
    s3: S3Server, client: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_health, "PATIENCE_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        url = f"s3://k:s@{s3.bucket}?endpoint={endpoint}"
        use(settings, file_storage.from_url(url, base=tmp_path))
        for _ in range(3):
            response = client.get("/readyz")
            assert response.status_code == 503
            assert response.json()["detail"].startswith(storage_health.AWAY)


def test_a_part_is_fetched_and_no_more(
    s3: S3Server, api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storages.backends.s3 import S3File

    job = make_job(owner=ada)
    data = bytes(range(200))
    make_artifact(job, "a.bin", data)

    def fetch_all(self: Any) -> Any:
        raise AssertionError("the whole file was fetched")

    monkeypatch.setattr(S3File, "file", property(fetch_all))
    address = f"/api/v1/jobs/{job.pk}/artifacts/a.bin"
    whole = api.get(address)
    assert sent(whole) == data
    part = api.get(address, headers={"Range": "bytes=7-9", "If-Range": whole.headers["ETag"]})
    assert (part.status_code, sent(part)) == (206, data[7:10])
    assert part.headers["Content-Range"] == "bytes 7-9/200"
    assert api.client.head(address).headers["Content-Length"] == "200"
    same = api.get(address, headers={"If-None-Match": whole.headers["ETag"]})
    assert same.status_code == 304
    assert api.get(address, headers={"Range": "bytes=200-"}).status_code == 416
