"""The page of a job: what it says in each state, and who may see it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import AttemptOutcome, Status
from jobs.models import Consumer, Job
from tests.integration.job_pages import REFRESH, at, read
from tests.integration.page_jobs import PageJobs
from tests.integration.page_tasks import MAILING


def test_a_job_without_a_consumer_shows_the_command_that_starts_one(
    page: Client, page_jobs: PageJobs
) -> None:
    html = read(page, page_jobs.waiting(queue="mail"))
    assert "No consumer serves the queue mail." in html
    assert "python manage.py runconsumers --queues mail" in html
    assert REFRESH in html
    assert "Cancel this job" in html


def test_a_consumer_silent_for_long_does_not_count_as_serving(
    page: Client, page_jobs: PageJobs
) -> None:
    Consumer.objects.filter(pk=page_jobs.consumer).update(
        heartbeat_at=timezone.now() - timedelta(hours=1)
    )
    assert "No consumer serves" in read(page, page_jobs.waiting())


def test_a_waiting_job_shows_how_many_jobs_are_ahead(page: Client, page_jobs: PageJobs) -> None:
    assert page_jobs.consumer
    first, second, third = (page_jobs.waiting() for _ in range(3))
    assert "It is the next to run." in read(page, first)
    assert "One job is ahead of it." in read(page, second)
    assert "2 jobs are ahead of it." in read(page, third)
    page_jobs.waiting(priority=8)
    urgent = page_jobs.waiting(priority=9)
    assert "It is the next to run." in read(page, urgent)


def test_a_paused_queue_is_given_as_the_reason(page: Client, page_jobs: PageJobs) -> None:
    assert page_jobs.consumer
    lifecycle.set_paused("default", paused=True)
    assert "The queue default is paused." in read(page, page_jobs.waiting())


@pytest.mark.usefixtures("frozen_clock")
def test_a_scheduled_job_shows_when_it_starts(page: Client, page_jobs: PageJobs) -> None:
    job = page_jobs.waiting(run_after=timezone.now() + timedelta(hours=2, minutes=1))
    html = read(page, job)
    assert "It starts" in html
    assert "in 2 h" in html


def test_a_job_that_failed_and_runs_again_shows_the_failure(
    page: Client, page_jobs: PageJobs
) -> None:
    _, claim = page_jobs.running()
    job = page_jobs.end(
        claim, AttemptOutcome.FAILED, error_type="builtins.OSError", message="no route"
    )
    html = read(page, job)
    assert job.status == Status.SCHEDULED
    assert "builtins.OSError: no route" in html
    assert "It failed; 2 attempts are left, the next one starts" in html


@pytest.mark.usefixtures("frozen_clock")
def test_a_running_job_shows_its_progress_and_the_time_left(
    page: Client, page_jobs: PageJobs
) -> None:
    job, claim = page_jobs.running()
    Job.objects.filter(pk=job.pk).update(started_at=timezone.now() - timedelta(seconds=62))
    page_jobs.tell(claim, "reading part 3\n", 620_000, 1_000_000)
    html = read(page, job)
    assert "<title>62 % Count words</title>" in html
    assert "620,000 of 1,000,000 lines" in html
    assert "about 40 s left" in html
    assert "reading part 3" in html


def test_a_running_job_without_a_total_shows_no_estimate(page: Client, page_jobs: PageJobs) -> None:
    job, claim = page_jobs.running()
    page_jobs.tell(claim, done=12)
    html = read(page, job)
    assert "<progress" not in html
    assert "12 lines" in html
    assert "left" not in html.partition('id="job-panel"')[0]


def test_cancelling_waiting_and_running_jobs(page: Client, page_jobs: PageJobs) -> None:
    waiting = page_jobs.waiting()
    assert page.post(at(waiting, "cancel")).status_code == 303
    assert "Cancelled by ada" in read(page, waiting)
    job, _ = page_jobs.running()
    page.post(at(job, "cancel"))
    html = read(page, job)
    assert "asked to stop by ada" in html
    assert "Cancel this job" not in html


def test_a_failed_job_shows_why_and_can_be_retried(page: Client, page_jobs: PageJobs) -> None:
    job = page_jobs.failed("Look <here>")
    html = read(page, job)
    assert "Look &lt;here&gt;" in html
    assert "Traceback: line 1" in html
    assert REFRESH not in html
    assert page.post(at(job, "retry")).status_code == 303
    job.refresh_from_db()
    assert job.status == Status.QUEUED


def test_retry_needs_the_permission_of_the_task(
    page: Client, page_jobs: PageJobs, chief: User
) -> None:
    job = page_jobs.failed(task=MAILING, args={"to": "x"})
    html = read(page, job)
    assert "Retry this job" not in html
    assert "Run again" not in html
    html = page.post(at(job, "retry"), follow=True).content.decode()
    assert "You may not hand in" in html
    job.refresh_from_db()
    assert job.status == Status.FAILED


def test_a_refused_cancel_or_retry_is_explained(page: Client, page_jobs: PageJobs) -> None:
    job = page_jobs.done()
    html = page.post(at(job, "cancel"), follow=True).content.decode()
    assert "This job has finished: done." in html
    html = page.post(at(job, "retry"), follow=True).content.decode()
    assert "Only a failed or cancelled job can run again" in html


@pytest.mark.parametrize("rest", ["", "live", "log.txt", "result", "files/x", "uploads/x"])
def test_another_users_job_is_the_same_404_as_a_missing_one(
    page: Client, page_jobs: PageJobs, bob: User, rest: str
) -> None:
    foreign = page_jobs.waiting(owner=bob)
    theirs = page.get(at(foreign, rest))
    none = page.get(f"/jobs/0192d3a0-0000-7000-8000-000000000000/{rest}")
    nonsense = page.get(f"/jobs/nonsense/{rest}")
    assert [one.status_code for one in (theirs, none, nonsense)] == [404] * 3
    assert theirs.content.partition(b"<main")[2] == none.content.partition(b"<main")[2]
    assert none.content.partition(b"<main")[2] == nonsense.content.partition(b"<main")[2]
    for action in ("cancel", "retry"):
        assert page.post(at(foreign, action)).status_code == 404


def test_staff_see_everyones_jobs_and_whose_they_are(
    page: Client, page_jobs: PageJobs, chief: User
) -> None:
    job = page_jobs.waiting()
    assert "<dt>By</dt>" not in read(page, job)
    page.force_login(chief)
    assert "<dt>By</dt><dd>ada</dd>" in read(page, job)
