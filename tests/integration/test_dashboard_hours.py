"""The dashboard remembers how many jobs finished in the hours that are over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.admin.dashboard import finished_per_hour
from jobs.core.states import Status
from tests.factories import make_job

pytestmark = pytest.mark.django_db


def finish_job(at: datetime) -> None:
    make_job(status=Status.SUCCEEDED, finished_at=at)


def test_an_hour_that_is_over_is_counted_once(django_assert_num_queries: Any) -> None:
    now = timezone.now().replace(minute=30, second=0, microsecond=0)
    finish_job(now - timedelta(hours=1))
    finished_per_hour(now)
    finish_job(now)
    with django_assert_num_queries(1) as seen:
        assert [bar.count for bar in finished_per_hour(now)[-2:]] == [1, 1]
    assert seen.captured_queries[0]["sql"].count("COUNT(") == 1


def test_the_hour_that_has_just_ended_waits_for_late_outcomes() -> None:
    now = timezone.now().replace(minute=0, second=30, microsecond=0)
    finished_per_hour(now)
    finish_job(now - timedelta(minutes=1))
    assert finished_per_hour(now)[-2].count == 1
