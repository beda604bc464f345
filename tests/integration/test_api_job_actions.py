"""POST /jobs/{id}/cancel and POST /jobs/{id}/retry."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from jobs.core.states import Status
from jobs.core.uuid7 import uuid7
from jobs.models import Job
from jobs.submission.permissions import require_permission
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, SECRET
from tests.integration.recording_broker import RecordingBroker, pairs


@pytest.fixture
def job(api: Api) -> Job:
    return Job.objects.get(pk=api.submit(ADD, args={"n": 7}).json()["id"])


def put(job: Job, status: Status) -> None:
    Job.objects.filter(pk=job.pk).update(status=status)


def cancel(api: Api, job: Job, headers: dict[str, str] | None = None) -> Any:
    return api.post(f"{JOBS}/{job.pk}/cancel", headers=headers or {})


def retry(api: Api, job: Job, headers: dict[str, str] | None = None) -> Any:
    return api.post(f"{JOBS}/{job.pk}/retry", headers=headers or {})


@pytest.mark.parametrize("status", [Status.QUEUED, Status.SCHEDULED])
def test_a_waiting_job_is_cancelled_at_once(api: Api, job: Job, status: Status) -> None:
    put(job, status)
    for _ in range(2):
        answer = cancel(api, job)
        assert answer.status_code == 200
        assert answer.json()["status"] == "cancelled"
        assert answer.json()["error"] == {"type": "Cancelled", "message": "cancelled by ada"}
        assert "Retry-After" not in answer.headers


def test_a_running_job_is_asked(api: Api, job: Job) -> None:
    put(job, Status.RUNNING)
    for _ in range(2):
        answer = cancel(api, job)
        assert answer.status_code == 202
        assert (answer.json()["status"], answer.json()["cancel_requested"]) == ("running", True)
        assert answer.headers["Location"] == f"{JOBS}/{job.pk}"
        assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
def test_a_finished_job_is_not_cancelled(api: Api, job: Job, status: Status) -> None:
    put(job, status)
    answer = cancel(api, job)
    assert answer.status_code == 409
    assert status.label in answer.json()["detail"]


def test_staff_cancel_in_their_own_name(job: Job, chief: User) -> None:
    answer = cancel(Api(chief), job)
    assert answer.json()["error"]["message"] == "cancelled by chief"


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_an_unhappy_job_runs_again(
    api: Api,
    job: Job,
    status: Status,
    broker: RecordingBroker,
    django_capture_on_commit_callbacks: Any,
) -> None:
    put(job, status)
    with django_capture_on_commit_callbacks(execute=True):
        answer = retry(api, job)
    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    assert answer.headers["Location"] == f"{JOBS}/{job.pk}"
    assert broker.notified == pairs(job)


@pytest.mark.parametrize(
    "status", [Status.SUCCEEDED, Status.QUEUED, Status.SCHEDULED, Status.RUNNING]
)
def test_no_other_job_runs_again(api: Api, job: Job, status: Status) -> None:
    put(job, status)
    assert retry(api, job).status_code == 409


def test_a_job_whose_task_is_gone_does_not(api: Api, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(status=Status.FAILED, task="x.gone", module_path="x.gone")
    answer = retry(api, job)
    assert answer.status_code == 409
    assert "no longer in the code" in answer.json()["detail"]


def test_a_unique_key_that_is_taken_by_now_forbids_it(api: Api) -> None:
    first = api.submit(ADD, args={"n": 1}, unique_key="k").json()
    api.post(f"{first['links']['cancel']}")
    api.submit(ADD, args={"n": 1}, unique_key="k")
    answer = api.post(first["links"]["retry"])
    assert answer.status_code == 409
    assert "'k'" in answer.json()["detail"]


STALE = "other", "W/", "cut", "none"


def stale(job: Job, how: str) -> str:
    """A header that does not name the job's version."""
    other = f'"{job.pk.hex}-{job.version + 1}"'
    return {"other": other, "W/": f"W/{job.etag}", "cut": job.etag.strip('"'), "none": '"x"'}[how]


@pytest.mark.parametrize("how", STALE)
@pytest.mark.parametrize(("call", "status"), [(cancel, Status.QUEUED), (retry, Status.FAILED)])
def test_nothing_is_done_to_another_version(
    api: Api, job: Job, call: Any, status: Status, how: str
) -> None:
    put(job, status)
    answer = call(api, job, {"If-Match": stale(job, how)})
    assert answer.status_code == 412
    assert answer.headers["ETag"] == job.etag
    assert answer.json()["type"].endswith("#precondition-failed")
    assert job.etag in answer.json()["detail"]
    job.refresh_from_db()
    assert (job.status, job.version) == (status, 1)


@pytest.mark.parametrize("form", ["{}", "*", '"x", {}', 'W/"x",{}'])
@pytest.mark.parametrize(
    ("call", "before", "after"),
    [
        (cancel, Status.QUEUED, "cancelled"),
        (cancel, Status.RUNNING, "running"),
        (retry, Status.FAILED, "queued"),
    ],
)
def test_the_version_that_was_seen_is_changed(
    api: Api, job: Job, call: Any, before: Status, after: str, form: str
) -> None:
    put(job, before)
    answer = call(api, job, {"If-Match": form.format(job.etag)})
    assert answer.json()["status"] == after
    assert answer.headers["ETag"] == f'"{job.pk.hex}-2"'


def test_a_repeated_retry_does_not_run_what_has_failed_again(api: Api, job: Job) -> None:
    put(job, Status.FAILED)
    seen = {"If-Match": job.etag}
    assert retry(api, job, seen).status_code == 202
    put(job, Status.FAILED)  # its next attempt has failed; the client has not heard of its retry
    assert retry(api, job, seen).status_code == 412
    assert Job.objects.get(pk=job.pk).status == Status.FAILED


def test_the_version_comes_before_the_status(api: Api, job: Job) -> None:
    put(job, Status.SUCCEEDED)
    for call in (cancel, retry):
        assert call(api, job, {"If-Match": '"x"'}).status_code == 412
        assert call(api, job, {"If-Match": job.etag}).status_code == 409
    gone = f"{JOBS}/{uuid7()}/cancel"
    assert api.post(gone, headers={"If-Match": "*"}).status_code == 404


def test_a_version_that_passes_meanwhile_is_seen_by_the_statement(
    api: Api, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the read of the job and the change of it."""
    put(job, Status.FAILED)

    def pass_by(*args: Any) -> None:
        Job.objects.filter(pk=job.pk).update(version=7)
        require_permission(*args)

    monkeypatch.setattr("jobs.submission.retry.require_permission", pass_by)
    answer = retry(api, job, {"If-Match": job.etag})
    assert (answer.status_code, answer.headers["ETag"]) == (412, f'"{job.pk.hex}-7"')
    assert Job.objects.get(pk=job.pk).status == Status.FAILED


@pytest.mark.parametrize("call", [cancel, retry])
def test_a_key_does_no_harm(api: Api, job: Job, call: Any) -> None:
    put(job, Status.QUEUED if call is cancel else Status.FAILED)
    assert call(api, job, {"Idempotency-Key": "k"}).status_code in {200, 202}
    assert call(api, job, {"Idempotency-Key": "k" * 256}).status_code == 400


def test_permission_is_asked_for_again(api: Api, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(status=Status.FAILED, task=SECRET)
    assert retry(api, job).status_code == 403
    assert Job.objects.get(pk=job.pk).status == Status.FAILED
