"""What Jobdesk wants to reach, most of it against the others of the same run."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from .session import Results
from .systems import systems

ROW_KEEPERS = ("django_tasks_db", "django_q2", "celery_files")


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of one of our systems and the bound it should keep.

    ``bound`` returns None when what it is measured against was not in this run.
    """

    what: str
    work: str
    key: str
    bound: Callable[[Results], float | None]
    told: str
    system: str = "jobdesk"
    at_least: bool = False
    among: tuple[str, ...] = ()
    """Whom to look at for the best other; all of the class if nobody is named."""

    def ours(self, results: Results) -> list[float]:
        """Our figures, one a pass."""
        return results.values(self.system, self.work, self.key)

    def is_met(self, results: Results) -> bool | None:
        """Whether the median keeps the bound; None when that can't be said."""
        bound, ours = self.bound(results), self.ours(results)
        if bound is None or not ours:
            return None
        middle = statistics.median(ours)
        return middle >= bound if self.at_least else middle <= bound

    def best_peer(self, results: Results) -> tuple[str, list[float]] | None:
        """The best of the others of our class, and its figures."""
        group = systems()[self.system].group
        found = {
            one.title: values
            for one in systems().values()
            if not one.ours and one.group == group and one.name in (self.among or (one.name,))
            if (values := results.values(one.name, self.work, self.key))
        }
        if not found:
            return None
        choose = max if self.at_least else min
        title = choose(found, key=lambda name: statistics.median(found[name]))
        return title, found[title]


def exactly(value: float) -> Callable[[Results], float | None]:
    """A bound that is a number."""
    return lambda results: value


def times(factor: float, work: str, key: str, *names: str) -> Callable[[Results], float | None]:
    """So many times the best of these systems, in the same run."""

    def bound(results: Results) -> float | None:
        medians = [
            statistics.median(values)
            for name in names
            if (values := results.values(name, work, key))
        ]
        return factor * max(medians) if medians else None

    return bound


def _pickup(system: str, what: str, most: float = 2.5) -> Goal:
    return Goal(f"{what} p50, ms", "pickup", "p50_ms", exactly(most), f"under {most:g}", system)


GOALS: tuple[Goal, ...] = (
    Goal("idle pick-up p50, ms", "pickup", "p50_ms", exactly(2), "under 2"),
    Goal("idle pick-up p95, ms", "pickup", "p95_ms", exactly(4), "under 4"),
    Goal("pick-up after a minute, worst, ms", "rest", "worst_ms", exactly(4), "under 4"),
    Goal("idle CPU, % of a core", "rest", "cpu_percent", exactly(0.3), "under 0.3"),
    _pickup("jobdesk_elsewhere", "idle pick-up without inotify", 10),
    Goal(
        "idle CPU without inotify, % of a core",
        "start",
        "idle_cpu_percent",
        exactly(1),
        "under 1",
        "jobdesk_elsewhere",
    ),
    _pickup("jobdesk_postgres", "idle pick-up on PostgreSQL"),
    _pickup("jobdesk_redis", "idle pick-up by Redis"),
    Goal(
        "burst, jobs/s",
        "burst",
        "jobs_per_s",
        times(2, "burst", "jobs_per_s", "huey_sqlite"),
        "2 x huey",
        at_least=True,
    ),
    Goal(
        "burst, jobs/s",
        "burst",
        "jobs_per_s",
        times(8, "burst", "jobs_per_s", *ROW_KEEPERS),
        "8 x those with a row a job",
        at_least=True,
        among=ROW_KEEPERS,
    ),
    Goal("bulk, drained/s", "bulk", "drained_per_s", exactly(10_000), "10,000", at_least=True),
    Goal("bulk, accepted/s", "bulk", "accepted_per_s", exactly(60_000), "60,000", at_least=True),
    Goal(
        "submit over HTTP, /s",
        "submit",
        "per_s",
        times(1, "submit", "per_s", "one_insert"),
        "a view with one INSERT",
        at_least=True,
    ),
    Goal("submit over HTTP p99, ms", "submit", "p99_ms", exactly(15), "under 15"),
    Goal("computing, wall / ideal", "compute", "over_ideal", exactly(1.1), "1.10"),
    Goal("kill -9: run again, of 2", "crash", "rerun", exactly(2), "2", at_least=True),
    Goal("kill -9: run again after, s", "crash", "rerun_after_s", exactly(3), "3"),
    Goal("kill -9: queued run, of 6", "crash", "queued_run", exactly(6), "6", at_least=True),
    Goal("kill -9: run twice", "crash", "ran_twice", exactly(0), "0"),
    Goal("starts of a 130-s job", "long", "starts", exactly(1), "1"),
    # As ``runconsumers`` ships: one process, here with two slots.
    Goal("idle worker, PSS MB", "start", "pss_mb", exactly(110), "under 110", "jobdesk_threads"),
    Goal("start to first job, s", "start", "start_s", exactly(1.5), "under 1.5"),
    Goal("304 poll / empty view", "poll", "share", exactly(0.8), "0.80", at_least=True),
    Goal("500 pollers, cores", "crowd", "cores", exactly(0.5), "under 0.5"),
    Goal("at a million rows, worst x", "grown", "worst_times", exactly(1.2), "1.2"),
)
