"""Files are sent in parts, and not again to who has them: by the API, the pages and the admin."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.handlers.wsgi import WSGIRequest
from django.test import AsyncRequestFactory, Client
from django.urls import reverse

from jobs.core import stored_file
from jobs.core.download import BLOCK, BYTES, download
from jobs.core.storage import job_storage
from jobs.models import Artifact, Job
from tests.factories import make_artifact, make_job, make_upload
from tests.integration.api_client import Api
from webapp.up.server import Server

DATA = bytes(range(200))


@pytest.fixture
def job(ada: User) -> Job:
    return make_job(owner=ada)


@pytest.fixture
def artifact(job: Job) -> Artifact:
    return make_artifact(job, "data.bin", DATA)


@pytest.fixture(params=["api", "page", "admin"])
def get(request: pytest.FixtureRequest, artifact: Artifact) -> Callable[..., Any]:
    """Ask for the artifact in each way there is."""
    job = artifact.job
    if request.param == "api":
        api = Api(job.owner)
        address = f"/api/v1/jobs/{job.pk}/artifacts/{artifact.name}"
        return lambda method="get", **headers: (
            api.client.head(address, headers=named(headers))
            if method == "head"
            else api.send(method, address, headers=named(headers))
        )
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    address = reverse("jobs:artifact", args=[job.pk, artifact.name])
    if request.param == "admin":
        address = reverse("admin:jobs_job_artifact", args=[job.pk, artifact.pk])
    return lambda method="get", **headers: client.generic(
        method.upper(), address, headers=named(headers)
    )


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def test_a_part(get: Callable[..., Any]) -> None:
    whole = get()
    assert (whole.status_code, whole.getvalue()) == (200, DATA)
    assert whole.headers["Accept-Ranges"] == "bytes"
    tag = whole.headers["ETag"]
    assert tag.startswith('"')
    for text, first, end in (("bytes=0-0", 0, 1), ("bytes=50-", 50, 200), ("bytes=-9", 191, 200)):
        part = get(Range=text, If_Range=tag)
        assert (part.status_code, part.getvalue()) == (206, DATA[first:end])
        assert part.headers["Content-Range"] == f"bytes {first}-{end - 1}/200"
        assert part.headers["Content-Length"] == str(end - first)
        assert part.headers["ETag"] == tag
        assert "attachment" in part.headers["Content-Disposition"]
        assert part.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in part.headers["Content-Security-Policy"]


def test_all_of_it_where_a_part_is_of_no_use(get: Callable[..., Any]) -> None:
    for headers in (
        {"Range": "bytes=0-1,5-9"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=50-", "If_Range": '"of another file"'},
    ):
        answer = get(**headers)
        assert (answer.status_code, answer.getvalue()) == (200, DATA)
        assert "Content-Range" not in answer.headers


def test_beyond_the_end(get: Callable[..., Any]) -> None:
    answer = get(Range="bytes=200-")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */200"


def test_who_has_it_gets_nothing(get: Callable[..., Any]) -> None:
    whole = get()
    whole.getvalue()
    tag = whole.headers["ETag"]
    same = get(If_None_Match=tag, Range="bytes=0-1")
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert get(If_Match='"another"').status_code == 412


def test_head_says_what_get_would(get: Callable[..., Any]) -> None:
    answer = get("head", Range="bytes=0-1")
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "200")
    assert answer.headers["Accept-Ranges"] == "bytes"
    whole = get()
    whole.getvalue()
    assert answer.headers["ETag"] == whole.headers["ETag"]


def test_a_file_that_replaces_another_is_another(
    get: Callable[..., Any], artifact: Artifact
) -> None:
    before = get()
    before.getvalue()
    stored = job_storage().save("artifacts/another", ContentFile(DATA))
    Artifact.objects.filter(pk=artifact.pk).update(file=stored)
    after = get(If_None_Match=before.headers["ETag"])
    after.getvalue()
    assert after.status_code == 200
    assert after.headers["ETag"] != before.headers["ETag"]


def test_an_upload_has_its_type_and_its_parts(page: Client, ada: User, job: Job) -> None:
    upload = make_upload(ada, DATA, "page.html")
    job.upload_uses.create(upload=upload)
    address = reverse("jobs:upload", args=[job.pk, upload.pk])
    part: Any = page.get(address, headers={"Range": "bytes=5-6"})
    assert (part.status_code, part.getvalue()) == (206, DATA[5:7])
    assert part.headers["Content-Type"] == "text/html"
    assert part.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in part.headers["Content-Security-Policy"]


def test_an_empty_file(job: Job, api: Api) -> None:
    empty = make_artifact(job, "empty", b"")
    address = f"/api/v1/jobs/{job.pk}/artifacts/{empty.name}"
    assert api.get(address).getvalue() == b""
    assert api.get(address, headers={"Range": "bytes=0-"}).status_code == 416
    assert api.get(address, headers={"Range": "bytes=-5"}).getvalue() == b""


def test_a_part_of_a_large_file_is_read_and_no_more(
    job: Job, monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    large = make_artifact(job, "large", b"x" * 3 * BLOCK)
    reads: list[int] = []
    read = stored_file.Part.read

    def counted(self: Any, size: int = -1) -> bytes:
        data = read(self, size)
        reads.append(len(data))
        return data

    monkeypatch.setattr(stored_file.Part, "read", counted)
    address = f"/api/v1/jobs/{job.pk}/artifacts/{large.name}"
    part = api.get(address, headers={"Range": f"bytes=9-{2 * BLOCK}"})
    assert len(part.getvalue()) == sum(reads) == 2 * BLOCK - 8


def test_an_asgi_server_reads_it_block_by_block(tmp_path: Path, settings: Any) -> None:
    settings.JOBS = {"DATA_DIR": tmp_path}
    stored = job_storage().save("a", ContentFile(b"x" * (2 * BLOCK + 7)))
    request: Any = AsyncRequestFactory().get("/", headers={"Range": "bytes=1-"})
    response: Any = download(request, stored, name="a", content_type=BYTES, headers={})
    assert response.is_async

    async def sizes() -> list[int]:
        return [len(block) async for block in response]

    assert asyncio.run(sizes()) == [BLOCK, BLOCK, 6]
    for close in response._resource_closers:
        close()


@pytest.fixture
def served(tmp_path: Path, settings: Any) -> Iterator[str]:
    """A file on the server of ``up``; its address."""
    settings.JOBS = {"DATA_DIR": tmp_path}
    stored = job_storage().save("a", ContentFile(DATA * 10_000))

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        response: Any = download(
            WSGIRequest(environ), stored, name="a", content_type=BYTES, headers={}
        )
        start(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        wrapped = getattr(response, "file_to_stream", None)
        return environ["wsgi.file_wrapper"](wrapped) if wrapped is not None else response

    server = Server(socket.create_server(("127.0.0.1", 0)), application)
    server.start()
    host, port = server.address[:2]
    yield f"http://{host}:{port}/"
    assert server.stop()


def test_curl_goes_on_where_a_download_broke_off(served: str, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    target = tmp_path / "part"
    target.write_bytes((DATA * 10_000)[:1_234_567])
    command = [curl, "-sS", "--fail", "-C", "-", "-D", "-", "-o", str(target), served]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert "206 Partial Content" in told
    assert "Content-Range: bytes 1234567-1999999/2000000" in told
    assert target.read_bytes() == DATA * 10_000
