"""The results as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from tests.benchmarks.goal import Goal
from tests.benchmarks.goals import GOALS
from tests.benchmarks.plan import available
from tests.benchmarks.results import Results
from tests.benchmarks.stats import format_median
from tests.benchmarks.systems.base import System

# The columns of each work's table, in this order.
SHOWN: dict[str, tuple[str, ...]] = {
    "pickup": ("p50_ms", "p95_ms", "worst_ms"),
    "rest": ("p50_ms", "worst_ms", "cpu_percent"),
    "burst": ("jobs_per_s", "submitted_per_s", "ran_twice"),
    "bulk": ("accepted_per_s", "drained_per_s"),
    "bulk-http": (
        "lines_per_s",
        "cpu_us",
        "rss_mb",
        "usual_p99_ms",
        "p99_ms",
        "usual_list_p99_ms",
        "list_p99_ms",
        "slow_line_p50_ms",
    ),
    "submit": ("per_s", "p50_ms", "p99_ms", "errors"),
    "compute": ("over_ideal", "pool_over_ideal", "over_pool", "two_over_one", "wall_s"),
    "crash": ("rerun", "rerun_after_s", "queued_run", "ran_twice"),
    "one-dies": ("rerun_after_s",),
    "long": ("starts",),
    "start": ("start_s", "pss_mb", "rss_mb", "processes"),
    "poll": ("share", "polls_per_s", "empty_per_s", "p99_ms"),
    "crowd": ("cores", "asked_per_s", "p50_ms", "p99_ms", "failed", "closed_by_server"),
    "waiters": (
        "cores",
        "heard_p50_ms",
        "heard_p99_ms",
        "refused",
        "submit_p50_ms",
        "submit_alone_p50_ms",
    ),
    "feed": (
        "read_per_s",
        "http_per_s",
        "grown_times",
        "place_times",
        "rare_ms",
        "heard_p50_ms",
        "heard_p99_ms",
        "event_p50_ms",
        "event_p99_ms",
    ),
    "webhooks": ("per_s", "heard_p50_ms", "heard_p99_ms"),
    "price": ("submit_us", "submit_database_us", "run_us", "run_database_us", "run_log_bytes"),
    "prune": (
        "keeps_up_times",
        "slower_times",
        "deleted_per_s",
        "run_per_s",
        "run_beside_per_s",
        "run_beside_command_per_s",
        "prune_s",
    ),
    "grown": (
        "worst_times",
        "submit_times",
        "drained_times",
        "submit_ms",
        "drained_per_s",
        "claim_ms",
        "poll_ms",
        "list_ms",
        "dashboard_ms",
    ),
}
CLASSES = {
    "no server": "best without a server",
    "Redis": "best with Redis",
    "PostgreSQL": "best with PostgreSQL",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(results: Results, systems: Sequence[System], works: Sequence[str]) -> str:
    """Return the report: the goals, a table for each work, and how each system ran."""
    parts = ["## To reach", _goals(results)]
    for work in works:
        rows = list(_rows(results, systems, work))
        if rows:
            head = ["", *(name.replace("_", " ") for name in SHOWN[work])]
            parts += [f"## {work}", table(head, rows)]
    ran = [one for one in systems if any((one.name, work) in results.passes for work in works)]
    parts += ["## How each ran", "\n".join(f"- {one.title}: {one.note}" for one in ran)]
    unavailable = [one.title for one in systems if not available(one)]
    if unavailable:
        parts.append(f"No server, so not run: {', '.join(unavailable)}.")
    return "\n\n".join(parts)


def _goals(results: Results) -> str:
    rows = [_goal(goal, results) for goal in GOALS if goal.ours(results)]
    return table(["what", "Jobdesk", "to reach", "met", *CLASSES.values(), "floors"], rows)


def _goal(goal: Goal, results: Results) -> list[str]:
    ours, bound, text = goal.ours(results), goal.bound(results), goal.bound_text
    if bound is not None and not any(letter.isdigit() for letter in text.split()[-1]):
        text = f"{text} = {format_median([bound])}"
    verdict = {True: "yes", False: "NO", None: "?"}[goal.is_met(results)]
    peers = (
        [f"{title} {format_median([median(values)])}" for title, values in found]
        for found in (goal.best_peers(results, group) for group in CLASSES)
    )
    floors = (floor.describe(results, ours) for floor in goal.floors)
    return [
        goal.title,
        format_median(ours),
        text,
        verdict,
        *(", ".join(each) for each in peers),
        "; ".join(filter(None, floors)),
    ]


def _rows(results: Results, systems: Sequence[System], work: str) -> Iterator[list[str]]:
    for system in systems:
        found = results.passes.get((system.name, work))
        if not found:
            continue
        errors = [one["error"] for one in found if "error" in one]
        if len(errors) == len(found):
            yield [system.title, f"failed: {errors[0][:120]}", *[""] * (len(SHOWN[work]) - 1)]
            continue
        values = (results.values(system.name, work, key) for key in SHOWN[work])
        yield [system.title, *(format_median(each) if each else "-" for each in values)]
