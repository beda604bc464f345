"""Temporary folders that no running attempt needs are removed: by consumers and by ``prune``."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from jobs import lifecycle
from jobs.core import tempdirs
from jobs.core.states import Status
from jobs.core.tempdirs import TempDir
from tests.factories import make_job
from tests.integration.command_output import CommandOutput

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def data(tmp_path: Path, settings: Any) -> Path:
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path}
    return tmp_path


def test_only_the_folder_of_the_attempt_that_runs_stays(data: Path) -> None:
    job, finished = make_job(status=Status.RUNNING, attempt=2), make_job(status=Status.SUCCEEDED)
    running = TempDir(job.pk, 2)
    for one in (running, TempDir(job.pk, 1), TempDir(finished.pk, 1)):
        (one.make() / "scratch").write_text("x", encoding="utf-8")
    foreign = data / "tmp" / "notes-of-somebody"
    foreign.mkdir()

    assert lifecycle.remove_stale_tempdirs() == 2

    assert list(tempdirs.existing()) == [running]
    assert foreign.is_dir()


def test_a_copy_that_a_killed_process_left_goes_after_a_day() -> None:
    new, old = tempdirs.path_of_copy(), tempdirs.path_of_copy()
    for path in (new, old):
        path.touch()
    past = time.time() - 2 * tempdirs.DAY_SECONDS
    os.utime(old, (past, past))

    lifecycle.remove_stale_tempdirs()

    assert (new.exists(), old.exists()) == (True, False)


def test_without_folders_nothing_is_asked_of_the_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert lifecycle.remove_stale_tempdirs() == 0


def test_prune_removes_them(jobs_setting: Any) -> None:
    left = TempDir(make_job(status=Status.FAILED).pk, 1)
    left.make()
    assert CommandOutput("prune").code == 0
    assert not left.path.exists()
