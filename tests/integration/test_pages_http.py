"""Headers and methods of the pages: what caches keep, what a GET changes, what a 503 gives away."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from jobs.core.states import AttemptOutcome, Status
from jobs.errors import Unavailable
from jobs.models import Job
from tests.factories import make_artifact
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD
from tests.integration.page_jobs import PageJobs
from tests.integration.page_tasks import PLAIN

WORDS = 'connection to server at "db-7.internal" (10.1.2.3) failed for user "jobs_writer"'
SECRET = ("db-7.internal", "10.1.2.3", "jobs_writer")


@pytest.fixture
def job(page_jobs: PageJobs) -> Job:
    """A finished job, with an artifact and a log."""
    _, claim = page_jobs.running()
    page_jobs.tell(claim, "told\n", 1, 2)
    return page_jobs.end(claim, AttemptOutcome.FAILED, error_type="E", message="no", final=True)


def addresses(job: Job) -> dict[str, str]:
    at = {name: reverse(f"jobs:{name}", args=[job.pk]) for name in ("job", "live", "log", "result")}
    return {
        **at,
        "home": reverse("jobs:home"),
        "list": reverse("jobs:list"),
        "form": f"/tasks/{PLAIN}/",
        "missing": reverse("jobs:job", args=["0" * 32]),
        "artifact": reverse("jobs:artifact", args=[job.pk, "no.txt"]),
    }


def test_no_cache_between_keeps_a_page_of_somebody(page: Client, job: Job) -> None:
    for name, address in addresses(job).items():
        response = page.get(address)
        kept = response.headers["Cache-Control"]
        assert kept == ("no-store" if name == "live" else "private, no-cache"), name
    unchanged = page.get(
        addresses(job)["live"],
        headers={"If-None-Match": page.get(addresses(job)["live"]).headers["ETag"]},
    )
    assert (unchanged.status_code, unchanged.headers["Cache-Control"]) == (304, "no-store")


def test_no_cache_keeps_the_rows_that_an_open_list_asks_for(page: Client, job: Job) -> None:
    address = reverse("jobs:rows") + f"?id={job.pk}"
    rows = page.get(address)
    assert rows.headers["Cache-Control"] == "no-store"
    unchanged = page.get(address, headers={"If-None-Match": rows.headers["ETag"]})
    assert (unchanged.status_code, unchanged.headers["Cache-Control"]) == (304, "no-store")


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_a_get_changes_no_job(page: Client, page_jobs: PageJobs, job: Job, name: str) -> None:
    found = job if name == "retry" else page_jobs.waiting()
    for method in (page.get, page.head):
        response = method(reverse(f"jobs:{name}", args=[found.pk]))
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    before = found.status
    found.refresh_from_db()
    assert found.status == before
    assert page.post(reverse(f"jobs:{name}", args=[found.pk])).status_code == 303
    found.refresh_from_db()
    assert found.status == (Status.QUEUED if name == "retry" else Status.CANCELLED)


def test_a_get_changes_no_list(page: Client, page_jobs: PageJobs) -> None:
    found = page_jobs.waiting()
    response = page.get(reverse("jobs:bulk"), {"do": "cancel", "job": str(found.pk)})
    assert response.status_code == 405
    found.refresh_from_db()
    assert found.status == Status.QUEUED


def away(*_: Any, **__: Any) -> Any:
    raise OperationalError(WORDS)


def test_a_page_without_its_database_says_when_and_nothing_of_where(
    page: Client, job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("jobs.queries.job_search.visible_job", away)
    response = page.get(addresses(job)["job"])
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert not [word for word in SECRET if word in response.content.decode()]
    assert WORDS in caplog.text, "whoever runs the site reads it in the log"


def test_a_download_without_its_storage_says_when_and_nothing_of_where(
    page: Client, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: Any, **__: Any) -> Any:
        raise Unavailable("The storage is away.", 7, cause=WORDS)

    monkeypatch.setattr("jobs.web.views.downloads.download", unavailable)
    artifact = make_artifact(job)
    response = page.get(reverse("jobs:artifact", args=[job.pk, artifact.name]))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "7")
    assert response.headers["Cache-Control"] == "private, no-cache"
    html = response.content.decode()
    assert "The storage is away." in html
    assert not [word for word in SECRET if word in html]


@pytest.mark.parametrize("button", ["cancel", "retry", "bulk"])
def test_a_button_without_its_database_says_nothing_of_where(
    page: Client, job: Job, monkeypatch: pytest.MonkeyPatch, button: str
) -> None:
    monkeypatch.setattr("jobs.web.views.actions.cancel_job", away)
    monkeypatch.setattr("jobs.web.views.actions.retry_job", away)
    address = reverse("jobs:bulk") if button == "bulk" else reverse(f"jobs:{button}", args=[job.pk])
    response = page.post(address, {"do": "cancel", "job": str(job.pk)}, follow=True)
    html = response.content.decode()
    assert "The database cannot take it now." in html
    assert not [word for word in SECRET if word in html]


@pytest.mark.parametrize("step", ["jobs.api.etag.run", "jobs.lifecycle.insert_job"])
def test_the_api_without_its_database_says_when_and_nothing_of_where(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    job = api.submit(ADD, args={"n": 1}).json()
    monkeypatch.setattr(step, away)
    if step.endswith("run"):
        response = api.get(f"/api/v1/jobs/{job['id']}/log")
    else:
        response = api.submit(ADD, args={"n": 2})
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    told = response.content.decode() + str(response.headers)
    assert not [word for word in SECRET if word in told]
    assert WORDS in caplog.text
