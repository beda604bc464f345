"""The benchmarks' own judgement: what counts as met, what is measured, what they say of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.benchmarks.capacity import Price, simulate
from tests.benchmarks.endurance import verdict
from tests.benchmarks.goal import Floor, Goal, best_of, exactly, times
from tests.benchmarks.goals import GOALS
from tests.benchmarks.plan import MOSTLY_WAITING, SECONDS, Step, plan_steps
from tests.benchmarks.report import CLASSES, SHOWN, report
from tests.benchmarks.results import Results
from tests.benchmarks.sandbox import Sandbox
from tests.benchmarks.setup_cache import clear, prepare
from tests.benchmarks.stats import format_median, percentile
from tests.benchmarks.systems import systems
from tests.benchmarks.systems.base import System
from tests.benchmarks.works import WORKS


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


def test_the_best_others_are_of_a_class_and_none_of_ours() -> None:
    found = results(
        jobdesk=[9.0], jobdesk_threads=[8.0], huey_redis=[7.0], django_q2=[1.0], huey_sqlite=[2.0]
    )
    assert burst().best_peers(found, "no server") == [("huey", [2.0]), ("django-q2", [1.0])]
    assert burst().best_peers(found, "Redis") == [("huey", [7.0])]
    assert burst(at_least=False).best_peers(found, "no server")[0] == ("django-q2", [1.0])


def test_the_bound_of_a_class_is_its_best_other() -> None:
    found = results(jobdesk_redis=[9.0], huey_redis=[3.0, 7.0, 8.0], celery_redis=[1.0])
    assert best_of("Redis", "burst", "jobs_per_s")(found) == 7
    assert best_of("Redis", "burst", "jobs_per_s", least=True)(found) == 1
    assert best_of("PostgreSQL", "burst", "jobs_per_s")(found) is None


def test_a_floor_says_how_much_of_it_is_reached() -> None:
    found = results(one_insert=[200.0])
    floor = Floor("one_insert", "burst", "jobs_per_s", "a view", compared=True)
    assert floor.describe(found, [150.0]) == "a view: 200 (Jobdesk has 0.75 of it)"
    assert floor.describe(results(), [150.0]) == ""


def test_a_pass_that_failed_is_no_figure() -> None:
    found = results(jobdesk=[200.0])
    found.passes["jobdesk", "burst"].append({"error": "no job ran"})
    assert found.values("jobdesk", "burst", "jobs_per_s") == [200.0]


def test_goals_name_systems_works_and_figures_that_there_are() -> None:
    for goal in GOALS:
        assert goal.work in systems()[goal.system].works
        assert goal.key in SHOWN[goal.work]
        for floor in goal.floors:
            assert floor.work in systems()[floor.system].works
            assert floor.key in SHOWN[floor.work]


def test_every_work_can_be_done_and_has_an_estimate() -> None:
    assert set(SHOWN) <= set(WORKS)
    assert set(SHOWN) == set(SECONDS)
    assert {one.group for one in systems().values()} == {*CLASSES, "floor"}


def planned(works: str, passes: int = 1, have: Results | None = None) -> list[Step]:
    chosen = [systems()[name] for name in ("jobdesk", "huey_sqlite", "django_q2")]
    return list(plan_steps(chosen, works.split(","), passes, have or Results()))


def test_all_that_waits_is_done_at_a_time_and_once() -> None:
    (step,) = planned(",".join(MOSTLY_WAITING), passes=3)
    assert len(step.tasks) == 7  # the others are not asked what happens when one process dies
    assert not step.starts_together


def test_the_idle_ones_begin_together() -> None:
    (step,) = planned("rest", passes=3)
    assert step.starts_together
    assert len(step.tasks) == 3


def test_the_others_run_turn_about() -> None:
    found = planned("burst", passes=3)
    assert [len(step.tasks) for step in found] == [1] * 9
    assert len({step.tasks[0].system.name for step in found[::3]}) == 3


def test_an_earlier_run_is_taken_up_where_it_ended(tmp_path: Any) -> None:
    file = tmp_path / "figures.json"
    first = Results.load(file)  # there is none: nothing to be taken up
    first.add("jobdesk", "burst", {"jobs_per_s": 5.0})
    first.add("huey_sqlite", "burst", {"error": "no job ran"})
    found = Results.load(file)
    assert found.values("jobdesk", "burst", "jobs_per_s") == [5.0]
    left = [(c.number, c.tasks[0].system.name) for c in planned("burst", 2, found)]
    assert (0, "jobdesk") not in left
    assert len(left) == 5
    found.add("huey_sqlite", "burst", {"jobs_per_s": 2.0})
    assert Results.load(file).values("huey_sqlite", "burst", "jobs_per_s") == [2.0]


class Prepared(System):
    """Says where it was prepared."""

    name = "some"

    def prepare(self, sandbox: Sandbox) -> None:
        (sandbox.folder / "var").mkdir()
        (sandbox.folder / "var" / "tables").write_text(sandbox.folder.name)


def test_tables_are_made_once_and_copied_beside_what_is_there(tmp_path: Any) -> None:
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "own.py").write_text(name)
        prepare(Prepared(), Sandbox("some", folder))
    assert (tmp_path / "second" / "var" / "tables").read_text() == "first"
    assert (tmp_path / "second" / "own.py").read_text() == "second"
    clear(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["first", "second"]


def test_a_run_that_was_interrupted_has_a_report() -> None:
    found = results(jobdesk=[300.0, 310.0], huey_sqlite=[100.0], huey_redis=[900.0])
    text = report(found, list(systems().values()), ["burst", "submit"])
    row = next(line for line in text.splitlines() if "2 x huey" in line)
    cells = [cell.strip() for cell in row.split("|")]
    assert cells[2:7] == ["305 (300-310)", "2 x huey = 200", "yes", "huey 100", "huey 900"]
    assert "## submit" not in text


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
    assert format_median([1234.5]) == "1,234"
    assert format_median([0.5, 12.34, 300.0]) == "12.3 (0.50-300)"
    assert percentile([1, 2, 3, 4, 100], 50) == 3
    assert percentile([], 99) == 0


def test_a_server_with_too_few_cores_holds_the_consumers_back() -> None:
    price = Price(submit_database=0.0, run=0.0001, run_database=0.002, commit=0.0)
    assert simulate(price, 1000, 8, cores=1).done_per_s < 550
    assert simulate(price, 1000, 8, cores=4).done_per_s > 950
