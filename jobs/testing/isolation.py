"""Keeping a test's jobs apart: its own data folder, no message to a broker, nothing remembered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from jobs.submission.backlog import forget_counts


@contextmanager
def isolated(data_dir: Path) -> Iterator[None]:
    """Inside the block files go to ``data_dir`` and no broker is told of a job.

    A project's own ``STORAGES["jobs"]`` is kept.
    """
    jobs = {**getattr(settings, "JOBS", {}), "DATA_DIR": data_dir, "BROKER_URL": "database://"}
    with override_settings(JOBS=jobs):
        forget_counts()
        yield
