"""POST /jobs/{id}/cancel and POST /jobs/{id}/retry."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from jobs.core.states import Status
from jobs.models import Job
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, SECRET
from tests.integration.recording_broker import RecordingBroker, pairs


@pytest.fixture
def job(api: Api) -> Job:
    return Job.objects.get(pk=api.submit(ADD, args={"n": 7}).json()["id"])


def put(job: Job, status: Status) -> None:
    Job.objects.filter(pk=job.pk).update(status=status)


def cancel(api: Api, job: Job) -> Any:
    return api.post(f"{JOBS}/{job.pk}/cancel")


def retry(api: Api, job: Job) -> Any:
    return api.post(f"{JOBS}/{job.pk}/retry")


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


def test_permission_is_asked_for_again(api: Api, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(status=Status.FAILED, task=SECRET)
    assert retry(api, job).status_code == 403
    assert Job.objects.get(pk=job.pk).status == Status.FAILED
