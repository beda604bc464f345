"""``jobs.testing.travel``: what it moves, for how long, and together with others that do so."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import freezegun
import pytest
import time_machine
from django.utils import timezone as django_timezone

from jobs.models import Job
from jobs.testing import travel
from jobs.testing.scope import _scopes, undone_afterwards

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def scope(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as where neither pytest's plugin nor the mixin is."""
    monkeypatch.setattr("jobs.testing.scope._scopes", [])
    monkeypatch.setattr("jobs.core.uuid7._last", 0)  # later ids are not to be from the future


def drift() -> timedelta:
    """How far Django's clock is from Python's, in whole seconds."""
    return timedelta(seconds=round((django_timezone.now() - datetime.now(UTC)).total_seconds()))


@pytest.mark.parametrize(
    ("to", "units"),
    [(3600, {}), (3600.0, {}), (HOUR, {}), (None, {"hours": 1}), (None, {"minutes": 60})],
)
def test_a_distance(to: Any, units: dict[str, float]) -> None:
    with travel(to, **units):
        assert drift() == HOUR
    assert drift() == timedelta()


def test_a_time() -> None:
    target = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(2 * HOUR))
    with travel(target):
        assert timedelta() <= django_timezone.now() - target < timedelta(minutes=5)


def test_a_time_without_a_zone_is_local(settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    with travel(datetime(2030, 1, 2, 12)):  # noqa: DTZ001
        assert django_timezone.now().replace(minute=0, second=0, microsecond=0) == datetime(
            2030, 1, 2, 3, tzinfo=UTC
        )


def test_a_project_without_time_zones(settings: Any) -> None:
    settings.USE_TZ = False
    with travel(hours=1):
        assert django_timezone.now() - datetime.now() > HOUR / 2  # noqa: DTZ005
    with travel(datetime(2030, 1, 2, 3, tzinfo=UTC)):
        assert django_timezone.now().tzinfo is None
        assert django_timezone.now().year == 2030


def test_moves_add_up_and_end_in_any_order() -> None:
    first, second = travel(hours=1), travel(hours=-2)
    first.__enter__()
    second.__enter__()
    assert drift() == -HOUR
    first.__exit__()
    assert drift() == -2 * HOUR
    second.__exit__()
    assert drift() == timedelta()


def test_a_decorator() -> None:
    @travel(hours=1)
    def moved() -> timedelta:
        return drift()

    assert [moved(), moved(), drift()] == [HOUR, HOUR, timedelta()]


def test_a_call_holds_until_the_test_ends() -> None:
    with undone_afterwards():
        travel(hours=1)
        with travel(hours=1):
            assert drift() == 2 * HOUR
        assert drift() == HOUR
    assert drift() == timedelta()


def test_a_call_that_nobody_would_undo_does_nothing_and_says_so() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        travel(hours=1)
        gc.collect()
    assert drift() == timedelta()
    assert ["never entered" in str(one.message) for one in caught] == [True]


def test_defaults_of_fields_follow() -> None:
    with travel(days=400):
        assert Job(task="t").created_at - datetime.now(UTC) > timedelta(days=399)
        assert isinstance(django_timezone.now(), datetime)
        assert type(django_timezone.now()) is datetime


@pytest.mark.parametrize("wrong", ["1h", True, date(2030, 1, 1), None])
def test_what_is_no_time_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"travel\(\) takes"):
        travel(wrong)


def test_a_time_and_units_are_refused() -> None:
    with pytest.raises(TypeError, match="travel"):
        travel(1, hours=1)


def frozen() -> Any:
    return freezegun.freeze_time("2030-01-01 12:00:00")


def machine() -> Any:
    return time_machine.travel(datetime(2030, 1, 1, 12, tzinfo=UTC), tick=False)


@pytest.mark.parametrize("other", [frozen, machine])
def test_it_adds_to_what_others_do(other: Callable[[], Any]) -> None:
    noon, before = datetime(2030, 1, 1, 12, tzinfo=UTC), list(_scopes)
    with other():
        assert django_timezone.now() == noon
        with travel(hours=1):
            assert django_timezone.now() == noon + HOUR
        assert django_timezone.now() == noon
    with travel(hours=1):
        with other():
            assert django_timezone.now() == noon + HOUR
        assert drift() == HOUR
        with other():
            assert django_timezone.now() == noon + HOUR
        assert drift() == HOUR
    assert drift() == timedelta()
    assert _scopes == before  # the pytest plugin has one for each test
