"""One's own uploads, and uploads that are sent twice with one key."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from jobs import lifecycle
from jobs.models import Job, ResumableUpload, Upload, UploadKey
from tests.integration.api_client import Api
from tests.integration.api_tasks import READ
from tests.integration.resumable_client import append, begin, create, stored_files

UPLOADS = "/api/v1/uploads"
KEY = {"Idempotency-Key": "k"}


def send(api: Api, data: bytes, name: str = "a.log", **headers: str) -> Any:
    more: dict[str, Any] = {"content_type": "application/octet-stream", "headers": headers}
    return api.post(f"{UPLOADS}?name={name}", data, **more)


def listed(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{UPLOADS}{query}").json()["items"]
    return found


def test_all_that_one_has_sent_is_listed_newest_first(api: Api, bob: User) -> None:
    first = send(api, b"four").json()
    address = begin(api, 10)
    append(api, address, 0, b"abc")
    send(Api(bob), b"x")
    begun, whole = listed(api)
    assert whole == first
    assert (whole["size"], whole["stored"], whole["in_use"]) == (4, 4, False)
    assert (begun["size"], begun["stored"], begun["name"]) == (10, 3, "upload")
    for one in (begun, whole):
        left = datetime.fromisoformat(one["expires_at"]) - timezone.now()
        assert timedelta(hours=23) < left <= timedelta(days=1)
        assert api.get(f"{UPLOADS}/{one['id']}").json() == one
    append(api, address, 3, b"defghij")
    assert [one["stored"] for one in listed(api)] == [10, 4]


def test_one_that_a_job_uses_stays(api: Api) -> None:
    key = send(api, b"x").json()["id"]
    job = api.submit(READ, args={"log": {"upload": key}}).json()["id"]
    (shown,) = listed(api)
    assert (shown["in_use"], shown["expires_at"]) == (True, None)
    assert api.send("delete", f"{UPLOADS}/{key}").status_code == 409
    Job.objects.get(pk=job).upload_uses.all().delete()
    assert api.send("delete", f"{UPLOADS}/{key}").status_code == 204
    assert listed(api) == []


def test_what_expired_or_is_anothers_is_not_there(api: Api, bob: User) -> None:
    begin(api, 10)
    ResumableUpload.objects.update(expires_at=timezone.now())
    mine = ResumableUpload.objects.get().pk
    his = send(Api(bob), b"x").json()["id"]
    assert listed(api) == []
    for key in (mine, his, "x", "01990a5d-ac96-774b-bcce-b302099a8057"):
        assert api.get(f"{UPLOADS}/{key}").status_code == 404


def test_pages_of_uploads(api: Api) -> None:
    sent = [
        send(api, b"x").json()["id"] if number % 2 else begin(api, 5)[-36:] for number in range(5)
    ]
    seen: list[str] = []
    path: str | None = f"{UPLOADS}?limit=2"
    while path is not None:
        response = api.get(path)
        seen += [one["id"] for one in response.json()["items"]]
        found = re.fullmatch(r'<([^>]+)>; rel="next"', response.headers.get("Link", ""))
        assert response.json()["more"] == (found is not None)
        path = found[1] if found else None
    assert seen == sent[::-1]
    assert api.get(f"{UPLOADS}?cursor=x").status_code == 422


def test_a_list_of_uploads_has_a_tag_and_costs_two_reads(
    api: Api, django_assert_num_queries: Any
) -> None:
    key = send(api, b"x").json()["id"]
    with django_assert_num_queries(3):  # the token, those that are whole, those that are not
        etag = api.get(UPLOADS).headers["ETag"]
    assert api.get(UPLOADS, headers={"If-None-Match": etag}).status_code == 304
    api.submit(READ, args={"log": {"upload": key}})
    assert api.get(UPLOADS, headers={"If-None-Match": etag}).status_code == 200


def test_the_same_file_with_the_same_key_is_stored_once(api: Api) -> None:
    first = send(api, b"one", "a.log", **KEY)
    again = send(api, b"one", "b.log", **KEY)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert (Upload.objects.count(), len(stored_files())) == (1, 1)


def test_another_file_with_the_key_is_a_conflict(api: Api, bob: User) -> None:
    send(api, b"one", **KEY)
    response = send(api, b"two", **KEY)
    assert response.status_code == 409
    prints = {"first": b"one", "this": b"two"}
    assert response.json()["fingerprints"] == {
        name: hashlib.sha256(data).hexdigest() for name, data in prints.items()
    }
    assert (Upload.objects.count(), len(stored_files())) == (1, 1)
    assert send(Api(bob), b"two", **KEY).status_code == 201
    assert send(api, b"x", **{"Idempotency-Key": "k" * 256}).status_code == 400


def test_a_repeat_needs_no_room(api: Api, jobs_setting: Any) -> None:
    send(api, b"one", **KEY)
    jobs_setting(USER_MAX_UNCLAIMED=3)
    assert send(api, b"one", **KEY).status_code == 200
    assert send(api, b"one").status_code == 429


def test_a_refused_upload_does_not_use_up_its_key(
    api: Api, jobs_setting: Any, tmp_path: Path
) -> None:
    jobs_setting(MAX_UPLOAD=2, DATA_DIR=tmp_path)
    assert send(api, b"one", **KEY).status_code == 413
    assert send(api, b"on", **KEY).status_code == 201


def test_a_key_goes_with_its_upload(api: Api) -> None:
    for delete in (
        lambda key: api.send("delete", f"{UPLOADS}/{key}"),
        lambda key: lifecycle.prune_chunk(timezone.now() + timedelta(days=2)),
        lambda key: Upload.objects.filter(pk=key).delete(),  # by hand: the key stays
    ):
        first = send(api, b"one", **KEY).json()["id"]
        delete(first)
        second = send(api, b"two", **KEY)
        assert second.status_code == 201
        assert UploadKey.objects.get().upload_id != first
        api.send("delete", f"{UPLOADS}/{second.json()['id']}")
        assert not UploadKey.objects.exists()


def test_an_announced_upload_is_announced_once(api: Api) -> None:
    first = create(api, 10, Idempotency_Key="k")
    append(api, first.headers["Location"], 0, b"abc")
    again = create(api, 10, Idempotency_Key="k")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Upload-Offset"] == "3"
    assert create(api, 11, Idempotency_Key="k").status_code == 409
    assert send(api, b"abc", **KEY).status_code == 409
    assert ResumableUpload.objects.count() == 1
    append(api, first.headers["Location"], 3, b"defghij")
    assert create(api, 10, Idempotency_Key="k").headers["Upload-Offset"] == "10"
    lifecycle.prune_chunk(timezone.now() + timedelta(days=3))
    assert not UploadKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_equal_uploads_at_once_one_is_kept(api: Api) -> None:
    start = Barrier(6)

    def run(number: int) -> Any:
        client = Client(headers={"Authorization": f"Bearer {api.token}"})
        start.wait(30)
        try:
            return client.post(UPLOADS, b"one", "a/b", headers=KEY)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        responses = list(pool.map(run, range(6)))
    assert sorted(one.status_code for one in responses) == [200] * 5 + [201]
    assert {one.json()["id"] for one in responses} == {str(Upload.objects.get().pk)}
    assert len(stored_files()) == 1
