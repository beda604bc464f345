"""A job's page in the admin: all there is, escaped and bounded."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from jobs.core.states import AttemptOutcome, Status
from jobs.core.storage import job_storage
from jobs.models import Attempt, Job, LogChunk
from tests.factories import make_artifact, make_consumer, make_job, make_user, record, take_one
from tests.integration.admin_pages import EVIL, LIST, change_page, page, queries_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]


@pytest.mark.parametrize(
    ("status", "button"),
    [
        (Status.QUEUED, "cancel"),
        (Status.SCHEDULED, "cancel"),
        (Status.RUNNING, "cancel"),
        (Status.FAILED, "retry"),
        (Status.CANCELLED, "retry"),
        (Status.SUCCEEDED, None),
    ],
)
def test_a_jobs_page_has_the_button_for_its_status(
    root: Client, status: Status, button: str | None
) -> None:
    job = make_job(status=status)
    html = page(root, change_page(job))
    for one in ("cancel", "retry"):
        assert (f'action="{LIST}{job.pk}/{one}/"' in html) == (one == button)
    if button:
        assert root.get(f"{LIST}{job.pk}/{button}/").status_code == 405
        answer = root.post(f"{LIST}{job.pk}/{button}/", follow=True)
        assert answer.status_code == 200
        before, version = job.status, job.version
        job.refresh_from_db()
        assert (job.status, job.version) != (before, version)


# --- one job in full --------------------------------------------------------------------------


def test_everything_that_came_from_outside_is_escaped(root: Client) -> None:
    consumer = make_consumer(host=EVIL)
    job = make_job(
        status=Status.FAILED,
        task=EVIL,
        queue=EVIL,
        kwargs={EVIL: EVIL},
        error_type=EVIL,
        error_message=EVIL,
        progress_done=3,
        progress_message=EVIL,
        cancelled_by=EVIL,
        unique_key=EVIL,
        idempotency_key=EVIL,
        owner=make_user(EVIL),
        log_size=len(EVIL),
        consumer_id=consumer.pk,
    )
    Attempt.objects.create(
        job=job,
        number=1,
        consumer=EVIL,
        ended_at=job.created_at,
        outcome=AttemptOutcome.FAILED,
        error_type=EVIL,
        message=EVIL,
        traceback=EVIL,
    )
    LogChunk.objects.create(job=job, start=0, text=EVIL)
    make_artifact(job, "a&b<c>.svg")
    html = page(root, change_page(job))
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert "a&amp;b&lt;c&gt;.svg" in html
    assert html.count("&lt;script&gt;alert") >= 8


def test_args_result_attempts_log_and_files_are_there(root: Client) -> None:
    job = make_job(
        status=Status.SUCCEEDED,
        kwargs={"n": 7},
        result=["seven"],
        attempt=2,
        failures=1,
        log_size=9,
        progress_done=620_000,
        progress_total=1_000_000,
    )
    for number, outcome in ((1, AttemptOutcome.TIMED_OUT), (2, AttemptOutcome.SUCCEEDED)):
        Attempt.objects.create(
            job=job,
            number=number,
            started_at=job.created_at,
            ended_at=job.created_at,
            outcome=outcome,
            error_type="Timeout" if number == 1 else "",
            traceback="where it was" if number == 1 else "",
        )
    LogChunk.objects.create(job=job, start=0, text="said ")
    LogChunk.objects.create(job=job, start=5, text="more")
    make_artifact(job, "plot.svg")
    html = page(root, change_page(job))
    for part in (
        "&quot;n&quot;: 7",
        "seven",
        "timed out",
        "where it was",
        "said more",
        "plot.svg",
        "620,000 of 1,000,000",
    ):
        assert part in html, part


def test_only_the_end_of_long_texts_and_lists_is_shown(root: Client) -> None:
    job = make_job(attempt=1000, log_size=100_000)
    for number in range(900, 1001):
        Attempt.objects.create(
            job=job, number=number, consumer=f"c{number}", ended_at=job.created_at, outcome="lost"
        )
    for start in range(0, 100_000, 1000):
        LogChunk.objects.create(job=job, start=start, text=f"{start:06}" + "x" * 994)
    html = page(root, change_page(job))
    assert "c1000" in html
    assert "c950<" not in html
    assert "099000" in html
    assert "079000" not in html
    assert "80,000 characters before" in html


def test_the_pages_of_a_job_are_bounded_too(root: Client) -> None:
    job = make_job(status=Status.FAILED)
    few = queries_of(root, change_page(job))
    for number in range(1, 41):
        Attempt.objects.create(job=job, number=number, ended_at=job.created_at, outcome="lost")
        make_artifact(job, f"f{number}")
    Job.objects.update(attempt=40)
    assert len(queries_of(root, change_page(job))) == len(few) <= 12


def test_a_file_is_sent_as_a_file_only(root: Client) -> None:
    job = make_job(status=Status.SUCCEEDED)
    artifact = make_artifact(job, "plöt.svg", b"<svg onload=alert(1)>")
    url = reverse("admin:jobs_job_artifact", args=[job.pk, artifact.pk])
    answer = root.get(url)
    assert b"".join(answer.streaming_content) == b"<svg onload=alert(1)>"  # type: ignore[attr-defined]
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    other = make_job()
    assert root.get(url.replace(str(job.pk), str(other.pk))).status_code == 404
    job_storage().delete(artifact.file)
    assert root.get(url).status_code == 404


def test_a_job_leads_to_its_own_page_where_there_are_pages(root: Client, settings: Any) -> None:
    job = make_job()
    assert f'href="/jobs/{job.pk}/"' in page(root, change_page(job))
    settings.ROOT_URLCONF = "tests.integration.admin_only"
    assert f'href="/jobs/{job.pk}/"' not in page(root, change_page(job))


def test_a_running_job_leads_to_its_consumer(root: Client) -> None:
    consumer = make_consumer()
    record()
    job = Job.objects.get(pk=take_one(consumer=consumer.pk).id)
    assert f"/admin/jobs/consumer/{consumer.pk}/change/" in page(root, change_page(job))
