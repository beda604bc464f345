"""Bodies of requests that are compressed: JSON and bulks are taken, others are refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from jobs.models import Job, Upload
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, FREE

BODY = {"task": ADD, "args": {"n": 1}}
NDJSON = "application/x-ndjson"


def post(api: Api, data: bytes, coding: str = "gzip", path: str = JOBS, **more: Any) -> Any:
    return api.post(path, data, headers={"Content-Encoding": coding}, **more)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", " GZIP "])
def test_a_submission(api: Api, coding: str) -> None:
    assert post(api, gzip.compress(json.dumps(BODY).encode()), coding).status_code == 202
    assert Job.objects.get().kwargs == {"n": 1, "m": 1}


def test_the_call_of_a_task(api: Api) -> None:
    sent = gzip.compress(b'{"n":1}')
    assert post(api, sent, path=f"/api/v1/tasks/{ADD}/jobs").status_code == 202


def test_one_that_is_not_compressed(api: Api) -> None:
    assert post(api, json.dumps(BODY).encode(), "identity").status_code == 202


@pytest.mark.parametrize("query", ["", "?atomic=1"])
def test_a_bulk(api: Api, query: str) -> None:
    lines = (json.dumps(BODY) + "\n").encode() * 5
    path = f"{JOBS}/bulk{query}"
    answer = post(api, gzip.compress(lines), path=path, content_type=NDJSON)
    assert b"".join(answer.streaming_content).count(b'"id"') == 5
    assert Job.objects.count() == 5


@pytest.mark.parametrize("coding", ["br", "deflate", "gzip, gzip", "zstd", "chunked"])
def test_another_coding_says_which_is_taken(api: Api, coding: str) -> None:
    answer = post(api, gzip.compress(json.dumps(BODY).encode()), coding)
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "gzip")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "data", [json.dumps(BODY).encode(), gzip.compress(b"{")[:-1]], ids=["JSON", "cut off"]
)
def test_what_is_no_gzip(api: Api, data: bytes) -> None:
    answer = post(api, data)
    assert (answer.status_code, answer.json()["type"].partition("#")[2]) == (400, "malformed")


def test_a_bomb_is_too_large_and_leaves_nothing(
    api: Api, jobs_setting: Any, tmp_path: Path
) -> None:
    jobs_setting(MAX_BODY=100_000, MAX_UPLOAD=1_000_000)
    bomb = gzip.compress(json.dumps({"task": FREE, "args": {"text": "x" * 5_000_000}}).encode())
    assert len(bomb) < 10_000
    assert post(api, bomb).status_code == 413
    assert post(api, bomb, path=f"{JOBS}/bulk?atomic=1", content_type=NDJSON).status_code == 413
    # The answer of this one has begun before its body is there.
    (line,) = post(api, bomb, path=f"{JOBS}/bulk", content_type=NDJSON).streaming_content
    assert json.loads(line)["problem"]["status"] == 413
    assert not Job.objects.exists()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_upload_is_kept_as_it_comes(api: Api) -> None:
    path = "/api/v1/uploads?name=a.gz"
    data = gzip.compress(b"x")
    refused = post(api, data, path=path, content_type="application/octet-stream")
    assert (refused.status_code, refused.headers["Accept-Encoding"]) == (415, "identity")
    assert not Upload.objects.exists()
    kept = api.post(path, data, content_type="application/gzip")
    assert (kept.status_code, kept.json()["size"]) == (201, len(data))


def test_a_piece_of_an_upload_is_kept_as_it_comes(api: Api) -> None:
    tus = {"Tus-Resumable": "1.0.0"}
    made = api.post("/api/v1/uploads/resumable", b"", headers={**tus, "Upload-Length": "5"})
    refused = api.send(
        "patch",
        f"/api/v1/uploads/{made.json()['id']}",
        b"12345",
        content_type="application/offset+octet-stream",
        headers={**tus, "Upload-Offset": "0", "Content-Encoding": "gzip"},
    )
    assert (refused.status_code, refused.headers["Accept-Encoding"]) == (415, "identity")
