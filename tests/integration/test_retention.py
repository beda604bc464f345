"""What retention deletes, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import lifecycle
from jobs.consumer import prune_pace
from jobs.consumer.prune_pace import PrunePace
from jobs.consumer.pruner import Pruner
from jobs.consumer.shutdown import Shutdown
from jobs.core.states import FINAL, UNFINISHED, Status
from jobs.core.storage import job_storage
from jobs.lifecycle import prune
from jobs.models import (
    Artifact,
    Attempt,
    Consumer,
    Job,
    LogChunk,
    QuarantinedMessage,
    Upload,
    UploadUse,
)
from tests.factories import (
    LONG_AGO,
    finished_long_ago,
    make_artifact,
    make_consumer,
    make_job,
    make_upload,
    make_user,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("jobs_setting")]
Commit = Callable[[], AbstractContextManager[Any]]

DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def commit(django_capture_on_commit_callbacks: Any) -> Commit:
    """A block that is committed at its end."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def files(folder: Path) -> set[str]:
    root = folder / "files"
    return {path.name for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("status", sorted(FINAL))
def test_an_old_job_is_deleted_with_everything_that_belongs_to_it(
    status: Status, now: datetime, tmp_path: Path, commit: Commit
) -> None:
    job = finished_long_ago(status=status)
    make_artifact(job)
    upload = make_upload()
    UploadUse.objects.create(upload=upload, job=job)
    kept = make_job(status=status)
    make_artifact(kept, "kept.svg")
    with commit():
        assert lifecycle.prune_chunk(now) == 1
    assert Job.objects.get() == kept
    for table in (Attempt, LogChunk, UploadUse):
        assert not table._default_manager.exists()
    assert Artifact.objects.get().name == "kept.svg"
    assert files(tmp_path) == {"kept.svg", upload.pk.hex}
    assert lifecycle.prune_chunk(now) == 0


@pytest.mark.parametrize("status", sorted(UNFINISHED))
def test_an_unfinished_job_is_kept_however_old(status: Status, now: datetime) -> None:
    make_job(status=status, created_at=now - LONG_AGO)
    assert lifecycle.prune_chunk(now) == 0
    assert Job.objects.exists()


def test_jobs_older_than_the_retention_time_are_deleted(
    now: datetime, jobs_setting: Callable[..., None]
) -> None:
    jobs_setting(RETENTION_DAYS=2)
    old = make_job(status=Status.FAILED, finished_at=now - 2 * DAY - timedelta(seconds=1))
    new = make_job(status=Status.FAILED, finished_at=now - 2 * DAY + timedelta(seconds=1))
    lifecycle.prune_chunk(now)
    assert Job.objects.get() == new
    assert old.pk != new.pk


def test_an_idempotency_key_is_kept_for_a_day_at_least(
    now: datetime, jobs_setting: Callable[..., None]
) -> None:
    jobs_setting(RETENTION_DAYS=0.01)
    hour_ago = now - timedelta(hours=1)
    fields = {"status": Status.SUCCEEDED, "finished_at": hour_ago, "owner": make_user()}
    keyed = make_job(**fields, created_at=hour_ago, idempotency_key="k")
    make_job(**fields, created_at=hour_ago)
    make_job(**fields, created_at=now - DAY - timedelta(seconds=1), idempotency_key="old")
    assert lifecycle.prune_chunk(now) == 2
    assert Job.objects.get() == keyed


def test_a_job_that_is_retried_meanwhile_is_kept(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = finished_long_ago(status=Status.FAILED)
    delete = prune._delete_jobs

    def retried_first(*args: Any) -> int:
        lifecycle.requeue_job(job)
        return delete(*args)

    monkeypatch.setattr(prune, "_delete_jobs", retried_first)
    assert lifecycle.prune_chunk(now) == 0
    assert Job.objects.get().status == Status.QUEUED
    assert Attempt.objects.exists()


def test_the_oldest_jobs_are_deleted_first_in_chunks(now: datetime) -> None:
    ages = (401, 403, 402)
    jobs = {age: finished_long_ago(finished_at=now - timedelta(days=age)) for age in ages}
    assert lifecycle.prune_chunk(now, limit=2) == 2
    assert Job.objects.get() == jobs[401]
    assert lifecycle.prune_chunk(now, limit=2) == 1


def test_an_upload_is_deleted_after_a_day_without_a_job(
    now: datetime, tmp_path: Path, commit: Commit
) -> None:
    unused, used, fresh = make_upload(), make_upload(), make_upload()
    UploadUse.objects.create(upload=used, job=make_job())
    old = now - DAY - timedelta(seconds=1)
    Upload.objects.filter(pk__in=[unused.pk, used.pk]).update(created_at=old)
    with commit():
        assert lifecycle.prune_chunk(now) == 1
    assert set(Upload.objects.all()) == {used, fresh}
    assert files(tmp_path) == {used.pk.hex, fresh.pk.hex}


def test_uploads_in_use_do_not_block_the_deletion_of_others(now: datetime) -> None:
    for _ in range(3):
        UploadUse.objects.create(upload=make_upload(), job=make_job())
    unused = make_upload()
    Upload.objects.update(created_at=now - LONG_AGO)
    assert lifecycle.prune_chunk(now, limit=1) == 1
    assert not Upload.objects.filter(pk=unused.pk).exists()


def test_an_upload_is_deleted_with_the_last_job_that_used_it(now: datetime) -> None:
    upload = make_upload()
    Upload.objects.update(created_at=now - LONG_AGO)
    UploadUse.objects.create(upload=upload, job=finished_long_ago())
    assert lifecycle.prune_chunk(now) == 2
    assert not Upload.objects.exists()


def test_an_upload_that_a_job_uses_by_now_is_kept(
    now: datetime, tmp_path: Path, commit: Commit
) -> None:
    used, unused = make_upload(data=b"1"), make_upload(data=b"2")
    UploadUse.objects.create(upload=used, job=make_job())
    with commit():
        assert prune.delete_unused_uploads([used.pk, unused.pk]) == 1
    assert prune.delete_unused_uploads([]) == 0
    assert list(Upload.objects.all()) == [used]
    assert files(tmp_path) == {Path(used.file).name}


@pytest.mark.django_db(transaction=True)
def test_files_are_deleted_after_the_commit_and_only_then(now: datetime, tmp_path: Path) -> None:
    make_artifact(finished_long_ago())
    make_upload()
    Upload.objects.update(created_at=now - LONG_AGO)
    before = files(tmp_path)
    with transaction.atomic():
        assert lifecycle.prune_chunk(now) == 2
        assert files(tmp_path) == before, "what was deleted may be rolled back"
        transaction.set_rollback(True)
    assert (Job.objects.count(), Upload.objects.count(), files(tmp_path)) == (1, 1, before)
    assert lifecycle.prune_chunk(now) == 2
    assert files(tmp_path) == set()


def test_a_file_that_cannot_be_deleted_does_not_stop_the_rest(
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    commit: Commit,
) -> None:
    for _ in range(2):
        make_artifact(finished_long_ago())
    tried: list[str] = []

    def in_use(self: Any, name: str) -> None:
        tried.append(name)
        raise PermissionError("in use")

    monkeypatch.setattr(type(job_storage()), "delete", in_use)
    with commit():
        assert lifecycle.prune_chunk(now) == 2
    assert len(tried) == 2
    assert not Job.objects.exists()


def test_a_pass_goes_on_where_it_was(now: datetime) -> None:
    """The index still has the entries of what was deleted, until VACUUM."""
    for age in (403, 402, 401):
        finished_long_ago(finished_at=now - timedelta(days=age))
    one = lifecycle.PruneRun(now)
    assert (one.step(1), one.is_done, one.overdue.days) == (1, False, 373)
    with CaptureQueriesContext(connection) as queries:
        assert one.step(1) == 1
    assert '"finished_at" >= ' in queries[0]["sql"]
    assert (one.step(9), one.is_done, one.overdue.days) == (1, True, 371)


@pytest.mark.parametrize("kind", ["nothing", "jobs", "uploads", "messages"])
def test_a_pass_is_done_when_less_than_a_chunk_was_left(kind: str, now: datetime) -> None:
    for _ in range(0 if kind == "nothing" else 2):
        if kind == "jobs":
            finished_long_ago()
        elif kind == "uploads":
            make_upload()
        else:
            QuarantinedMessage.objects.create(queue="q", broker="redis", reason="none of ours")
    Upload.objects.update(created_at=now - LONG_AGO)
    QuarantinedMessage.objects.update(received_at=now - LONG_AGO)
    one = lifecycle.PruneRun(now)
    seen = [(one.step(1), one.is_done) for _ in range(3)]
    assert seen == ([(0, True)] * 3 if kind == "nothing" else [(1, False)] * 2 + [(0, True)])


def test_a_pass_over_uploads_goes_on_where_it_was(now: datetime) -> None:
    for age in (403, 402):
        upload = make_upload()
        Upload.objects.filter(pk=upload.pk).update(created_at=now - timedelta(days=age))
    one = lifecycle.PruneRun(now)
    assert one.step(1) == 1
    with CaptureQueriesContext(connection) as queries:
        assert one.step(1) == 1
    assert any('"created_at" >= ' in query["sql"] for query in queries)


def test_jobs_that_another_process_has_deleted_do_not_end_a_pass(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for age in (403, 402, 401):
        finished_long_ago(finished_at=now - timedelta(days=age))
    one = lifecycle.PruneRun(now)
    delete = prune._delete_jobs
    with monkeypatch.context() as patched:
        patched.setattr(prune, "_delete_jobs", lambda *args: 0 * delete(*args))
        assert (one.step(1), one.is_done) == (0, False)
    assert one.step(9) == 2
    assert one.is_done


def test_a_pass_looks_at_new_uploads_and_at_those_of_its_jobs(now: datetime) -> None:
    before, new, of_job = make_upload(), make_upload(), make_upload()
    Upload.objects.update(created_at=now - LONG_AGO)
    Upload.objects.filter(pk=new.pk).update(created_at=now - 2 * DAY)
    UploadUse.objects.create(upload=of_job, job=finished_long_ago())
    one = lifecycle.PruneRun(now, uploads_from=now - 3 * DAY)
    assert one.step() == 3
    assert Upload.objects.get() == before


@pytest.mark.django_db(transaction=True)
def test_the_background_looks_at_all_uploads_once_a_day(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[datetime | None] = []
    run = lifecycle.PruneRun

    def noted(now: datetime, uploads_from: datetime | None) -> lifecycle.PruneRun:
        asked.append(uploads_from)
        return run(now, uploads_from)

    monkeypatch.setattr(lifecycle, "PruneRun", noted)
    pruner = Pruner(Shutdown())
    minute = timedelta(minutes=1)
    for later in (minute, 2 * minute, DAY + 2 * minute):
        pruner.prune_all(now + later)
    assert asked == [None, now + minute - DAY, None]


@pytest.mark.django_db(transaction=True)
def test_the_background_deletes_all_that_is_overdue_in_growing_chunks(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = now - LONG_AGO
    Job.objects.bulk_create(
        Job(task="t", status=Status.SUCCEEDED, finished_at=past + timedelta(seconds=n))
        for n in range(900)
    )
    limits: list[int] = []
    step = lifecycle.PruneRun.step

    def noted(self: lifecycle.PruneRun, limit: int) -> int:
        limits.append(limit)
        return step(self, limit)

    monkeypatch.setattr(lifecycle.PruneRun, "step", noted)
    monkeypatch.setattr(
        prune_pace, "CHUNK_SECONDS", {"sqlite": 1000}
    )  # however slow this machine is
    monkeypatch.setattr(PrunePace, "pause", lambda *args: 0.0)
    Pruner(Shutdown()).prune_all(now)
    assert limits == [100, 200, 400, 800]
    assert not Job.objects.exists()


def test_dead_consumers_and_old_quarantined_messages_are_deleted(now: datetime) -> None:
    make_consumer(dead_at=now - DAY - timedelta(seconds=1))
    kept = {make_consumer(dead_at=now), make_consumer()}
    for received in (now, now - LONG_AGO):
        QuarantinedMessage.objects.create(
            queue="q", broker="redis", reason="none of ours", received_at=received
        )
    lifecycle.prune_chunk(now)
    assert set(Consumer.objects.all()) == kept
    assert QuarantinedMessage.objects.get().received_at == now
