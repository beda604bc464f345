"""The benchmarks' own judgement: what counts as met, and what they say of ten minutes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.capacity import Price, simulate
from tests.benchmarks.endurance import verdict
from tests.benchmarks.figures import median_and_range, percentile
from tests.benchmarks.goals import GOALS, Goal, exactly, times
from tests.benchmarks.report import SHOWN
from tests.benchmarks.session import Results
from tests.benchmarks.systems import systems


def results(**figures: list[float]) -> Results:
    found = Results()
    for system, values in figures.items():
        found.passes[system, "burst"] = [{"jobs_per_s": value} for value in values]
    return found


def burst(at_least: bool = True) -> Goal:
    bound = times(2, "burst", "jobs_per_s", "huey_sqlite")
    return Goal("burst", "burst", "jobs_per_s", bound, "2 x huey", at_least=at_least)


@pytest.mark.parametrize(("ours", "met"), [([199.0, 200.0, 900.0], True), ([199.0], False)])
def test_the_median_must_keep_the_bound(ours: list[float], met: bool) -> None:
    assert burst().is_met(results(jobdesk=ours, huey_sqlite=[90.0, 100.0, 110.0])) is met


def test_nothing_is_met_or_missed_beside_nobody() -> None:
    assert burst().is_met(results(jobdesk=[200.0])) is None


def test_the_best_other_is_of_the_same_class_and_none_of_ours() -> None:
    found = results(jobdesk=[9.0], jobdesk_threads=[8.0], huey_redis=[7.0], django_q2=[1.0])
    assert burst().best_peer(found) == ("django-q2, SQLite", [1.0])


def test_a_pass_that_failed_is_no_figure() -> None:
    found = results(jobdesk=[200.0])
    found.passes["jobdesk", "burst"].append({"error": "no job ran"})
    assert found.values("jobdesk", "burst", "jobs_per_s") == [200.0]


def test_goals_name_systems_works_and_figures_that_there_are() -> None:
    for goal in GOALS:
        assert goal.work in systems()[goal.system].works
        assert goal.key in SHOWN[goal.work]


def test_zero_is_under_a_bound() -> None:
    goal = Goal("run twice", "burst", "jobs_per_s", exactly(0), "0")
    assert goal.is_met(results(jobdesk=[0.0])) is True
    assert goal.is_met(results(jobdesk=[1.0])) is False


def test_endurance_tells_of_a_slower_end_and_of_an_old_job() -> None:
    line: dict[str, Any] = {
        "jobs_per_s": 100.0,
        "waiting": 50,
        "oldest_s": 0.5,
        "log_mb": 4.0,
        "consumers_pss_mb": 80.0,
        "site_pss_mb": 50.0,
    }
    slow = {**line, "jobs_per_s": 80.0, "oldest_s": 9.0, "log_mb": 70.0}
    said = "\n".join(verdict([line, line, line, slow], 1))
    assert "-20.0 %" in said
    assert "most 70.0" in said
    assert said.endswith("explains: 1")


def test_figures_are_short() -> None:
    assert median_and_range([1234.5]) == "1,234"
    assert median_and_range([0.5, 12.34, 300.0]) == "12.3 (0.50-300)"
    assert percentile([1, 2, 3, 4, 100], 50) == 3
    assert percentile([], 99) == 0


def test_a_server_with_too_few_cores_holds_the_consumers_back() -> None:
    price = Price(submit_database=0.0, run=0.0001, run_database=0.002, commit=0.0)
    assert simulate(price, 1000, 8, cores=1).done_per_s < 550
    assert simulate(price, 1000, 8, cores=4).done_per_s > 950
