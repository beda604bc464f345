"""The files behind artifacts: kept as long as a row names them, and deleted with the commit."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from jobs.consumer.artifacts import store_artifact
from jobs.consumer.batch import Batch, write
from jobs.core.states import AttemptOutcome
from jobs.core.storage import job_storage
from jobs.lifecycle import StoredArtifact
from jobs.models import Artifact, Job
from tests.factories import end, make_consumer, record, take_one

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("jobs_setting")]

Keep = Callable[[bytes], StoredArtifact]


@pytest.fixture
def consumer() -> uuid.UUID:
    return make_consumer().pk


@pytest.fixture
def keep(consumer: uuid.UUID) -> Keep:
    """Keep a file of one running attempt, always by the same name."""
    record()
    claim = take_one(consumer=consumer)

    def store(data: bytes) -> StoredArtifact:
        return store_artifact(claim.id, claim.attempt, "plot.svg", data)

    return store


def stored(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in (folder / "files").rglob("*") if path.is_file()}


def test_the_file_that_another_replaces_is_deleted(
    consumer: uuid.UUID, keep: Keep, tmp_path: Path
) -> None:
    for data in (b"one", b"two"):
        written = write(Batch(artifacts=[keep(data)]), consumer)
        assert stored(tmp_path) == {data}
    assert len(written.stale_files) == 1
    with job_storage().open(Artifact.objects.get().file) as file:
        assert file.read() == b"two"


def test_of_two_in_one_batch_the_last_is_kept(
    consumer: uuid.UUID, keep: Keep, tmp_path: Path
) -> None:
    write(Batch(artifacts=[keep(b"one"), keep(b"two")]), consumer)
    assert stored(tmp_path) == {b"two"}


def test_a_file_of_an_attempt_that_has_ended_is_deleted(
    consumer: uuid.UUID, tmp_path: Path
) -> None:
    record()
    claim = take_one(consumer=consumer)
    late = store_artifact(claim.id, claim.attempt, "plot.svg", b"late")
    assert end(claim, AttemptOutcome.SUCCEEDED)
    write(Batch(artifacts=[late]), consumer)
    assert stored(tmp_path) == set()
    assert not Artifact.objects.exists()


def test_a_transaction_that_fails_deletes_no_file(
    consumer: uuid.UUID, keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Batch(artifacts=[keep(b"one")]), consumer)

    def locked(*_: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("jobs.consumer.batch.lifecycle.write_updates", locked)
    with pytest.raises(OperationalError):
        write(Batch(artifacts=[keep(b"two")]), consumer)
    assert stored(tmp_path) == {b"one", b"two"}
    with job_storage().open(Artifact.objects.get().file) as file:
        assert file.read() == b"one"
    assert Job.objects.get().attempt == 1
