"""Stages, warnings and the end of the progress: written, reset, and shown wherever a job is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import lifecycle
from jobs.consumer.attempt import Attempt
from jobs.core.states import AttemptOutcome, Status
from jobs.lifecycle import Claim
from jobs.management.commands import submit as submit_command
from jobs.models import Job
from tests.factories import make_artifact, make_consumer, make_job, record, take_one
from tests.integration.admin_pages import LIST, change_page
from tests.integration.admin_pages import page as admin_page
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD
from tests.integration.command_output import CommandOutput
from tests.integration.page_jobs import PageJobs

pytestmark = pytest.mark.django_db

EVIL = "line 3: <b>old</b>"


def attempt_of(claim: Claim) -> Attempt:
    return Attempt(claim, lambda attempt, outcome: None, "here:1")


def write(attempt: Attempt) -> None:
    """Write what the attempt has reported, as a consumer does."""
    update, _ = attempt.collect()
    assert update is not None
    with transaction.atomic():
        lifecycle.write_updates([update])


def warned(page_jobs: PageJobs, *texts: str) -> Job:
    """A job that has succeeded with these warnings."""
    _, claim = page_jobs.running()
    attempt = attempt_of(claim)
    attempt.progress(98, 100, "rows")
    for text in texts:
        attempt.warn(text)
    write(attempt)
    return page_jobs.end(claim)


def running() -> tuple[Job, Attempt]:
    job = record()
    claim = take_one(job.queue, make_consumer().pk)
    return job, attempt_of(claim)


def test_a_stage_begins_with_no_progress() -> None:
    job, attempt = running()
    attempt.progress(9, 10, "rows")
    attempt.stage("Importing\x00", 2, 3)
    write(attempt)
    job.refresh_from_db()
    assert job.progress == {
        "done": 0.0,
        "total": None,
        "percent": None,
        "message": None,
        "stage": {"name": "Importing\ufffd", "number": 2, "of": 3},
    }
    attempt.progress(1, 4, "rows")
    write(attempt)
    job.refresh_from_db()
    assert job.progress is not None
    assert (job.percent, job.progress["stage"]["name"]) == (25.0, "Importing\ufffd")


def test_a_stage_that_is_no_number_is_an_error_of_the_task() -> None:
    _, attempt = running()
    with pytest.raises(ValueError, match="invalid literal"):
        attempt.stage("Importing", "two", None)  # type: ignore[arg-type]


def test_many_warnings_are_bounded_and_the_log_has_them_all() -> None:
    job, attempt = running()
    for number in range(1, 1203):
        attempt.warn(f"row {number}" + "!" * 1000)
    write(attempt)
    job.refresh_from_db()
    *kept, last = job.warnings or []
    assert last == "and 1,102 more, which are in the log"
    assert [len(text) for text in kept] == [500] * 100
    assert "Warning: row 1000!" in "".join(job.log_chunks.values_list("text", flat=True))


def test_warnings_are_written_only_when_there_are_new_ones() -> None:
    _, attempt = running()
    attempt.warn("one")
    write(attempt)
    attempt.log("said")
    update, _ = attempt.collect()
    assert update is not None
    assert update.warnings is None


def test_the_next_attempt_and_a_retry_begin_without_them() -> None:
    job, attempt = running()
    attempt.stage("Importing", 1, 2)
    attempt.warn("one")
    write(attempt)
    with transaction.atomic():
        lifecycle.finish([lifecycle.Outcome(claim=attempt.claim, outcome=AttemptOutcome.RELEASED)])
    job.refresh_from_db()
    assert (job.status, job.warnings) == (Status.QUEUED, ["one"])

    (claim,) = lifecycle.claim_jobs(job.queue, 1, make_consumer().pk, timezone.now())
    job.refresh_from_db()
    assert (job.progress_stage, job.warnings, job.progress) == (None, None, None)

    again = attempt_of(claim)
    again.stage("Importing", 1, 2)
    again.warn("two")
    write(again)
    Job.objects.filter(pk=job.pk).update(status=Status.FAILED)
    job.refresh_from_db()
    lifecycle.requeue_job(job)
    assert (job.progress_stage, job.warnings) == (None, None)


def test_reports_that_have_none_of_them_write_as_before() -> None:
    _, attempt = running()
    attempt.progress(1, 2, "rows")
    update, _ = attempt.collect()
    assert update is not None
    with CaptureQueriesContext(connection) as seen:
        lifecycle.write_updates([update])
    assert len(seen) == 1
    assert "warnings" not in seen[0]["sql"]


@pytest.mark.parametrize(("done", "total"), [(98, 100), (5, None), (0, 0)])
def test_a_job_that_has_succeeded_is_at_100_percent(done: float, total: float | None) -> None:
    job = make_job(status=Status.SUCCEEDED, progress_done=done, progress_total=total)
    assert job.percent == 100.0
    job.status = Status.FAILED
    assert job.percent == (done if total else None)
    assert make_job(status=Status.SUCCEEDED).progress is None


def test_the_api_shows_them(api: Api, ada: User) -> None:
    job = make_job(
        status=Status.SUCCEEDED,
        owner=ada,
        progress_done=98,
        progress_total=100,
        progress_stage={"name": "Importing", "number": 2, "of": 2},
        warnings=[EVIL],
    )
    shown = api.get(f"/api/v1/jobs/{job.pk}").json()
    assert shown["warnings"] == [EVIL]
    assert shown["progress"]["percent"] == 100.0
    assert shown["progress"]["stage"] == {"name": "Importing", "number": 2, "of": 2}
    assert api.get("/api/v1/jobs").json()["items"][0]["warnings"] == [EVIL]


def test_the_page_and_the_list_show_them(page: Client, page_jobs: PageJobs) -> None:
    job = warned(page_jobs, EVIL, "line 9: no name")
    html = page.get(f"/jobs/{job.pk}/").content.decode()
    assert "with 2 warnings" in html
    assert "line 3: &lt;b&gt;old&lt;/b&gt;" in html
    assert "with warnings" in page.get("/jobs/").content.decode()
    plain = page_jobs.end(page_jobs.running()[1])
    html = page.get(f"/jobs/{plain.pk}/").content.decode()
    assert "warnings</" not in html
    assert "Warnings</" not in html


def test_the_list_reads_no_warnings(page: Client, page_jobs: PageJobs, ada: User) -> None:
    warned(page_jobs, EVIL)
    with CaptureQueriesContext(connection) as seen:
        page.get("/jobs/")
    read = [one["sql"] for one in seen if "kwargs" in one["sql"]]
    assert len(read) == 1
    assert read[0].count('"warnings"') == 1  # in IS NOT NULL


def test_a_running_job_shows_its_stage(page: Client, page_jobs: PageJobs) -> None:
    job, claim = page_jobs.running()
    attempt = attempt_of(claim)
    attempt.stage("Importing", 2, 3)
    write(attempt)
    html = page.get(f"/jobs/{job.pk}/").content.decode()
    assert "Stage 2 of 3: Importing" in html
    assert "<progress" not in html
    attempt.progress(1, 4, "rows")
    write(attempt)
    html = page.get(f"/jobs/{job.pk}/live").content.decode()
    assert 'value="25.0"' in html
    assert "1 of 4 rows" in html


def test_the_admin_shows_them(root: Client) -> None:
    job = make_job(
        status=Status.SUCCEEDED,
        progress_done=98,
        progress_total=100,
        progress_message="rows",
        progress_stage={"name": "Importing", "number": 2, "of": 3},
        warnings=[EVIL],
    )
    html = admin_page(root, change_page(job))
    assert "done with warnings" in html
    assert "line 3: &lt;b&gt;old&lt;/b&gt;" in html
    assert "Stage 2 of 3: Importing, 98 of 100 rows (100 %)" in html
    assert "done with warnings" in admin_page(root, LIST)


def test_submit_wait_tells_them(
    api_tasks: None, jobs_setting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waited(job_id: Any, seconds: float) -> Job:
        Job.objects.filter(pk=job_id).update(status=Status.SUCCEEDED, result=3, warnings=["odd"])
        return Job.objects.get(pk=job_id)

    monkeypatch.setattr(submit_command, "wait_for", waited)
    said = CommandOutput("submit", ADD, "n=1", "--wait")
    assert (said.code, said.out) == (0, "3\n")
    assert "Warning: odd" in said.err


def test_a_task_finds_its_files_of_earlier_attempts_and_of_this_one(jobs_setting: Any) -> None:
    job, attempt = running()
    make_artifact(job, "old.txt", b"old")
    make_artifact(make_job(), "foreign.txt", b"foreign")
    attempt.artifact("new.txt", "new")
    found = attempt.artifacts()
    assert {name: one.size for name, one in found.items()} == {"old.txt": 3, "new.txt": 3}
    with found["old.txt"].open() as old, found["new.txt"].open() as new:
        assert (old.read(), new.read()) == (b"old", b"new")
