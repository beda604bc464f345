"""The values that Jobdesk wants to reach."""

from __future__ import annotations

from tests.benchmarks.goal import Floor, Goal, best_of, exactly, times

ONE_ROW_PER_JOB = ("django_tasks_db", "django_q2", "celery_files")
ON_SERVERS = {"jobdesk_postgres": "PostgreSQL", "jobdesk_redis": "Redis"}


def _pickup(system: str, title: str, most: float = 2.5) -> Goal:
    return Goal(f"{title} p50, ms", "pickup", "p50_ms", exactly(most), f"under {most:g}", system)


def _best_of_class(title: str, work: str, key: str, *, at_least: bool = True) -> list[Goal]:
    """With a server, at least as good as the other systems that use the same server."""
    return [
        Goal(
            f"{title}, {group}",
            work,
            key,
            best_of(group, work, key, least=not at_least),
            "the best of its class",
            system,
            at_least,
        )
        for system, group in ON_SERVERS.items()
    ]


IDLE = [
    Goal("idle pick-up p50, ms", "pickup", "p50_ms", exactly(2), "under 2"),
    Goal("idle pick-up p95, ms", "pickup", "p95_ms", exactly(4), "under 4"),
    Goal("pick-up after a minute, p50, ms", "rest", "p50_ms", exactly(2), "under 2"),
    Goal("pick-up after a minute, worst, ms", "rest", "worst_ms", exactly(4), "under 4"),
    Goal("idle CPU, % of a core", "rest", "cpu_percent", exactly(0.3), "under 0.3"),
    _pickup("jobdesk_postgres", "idle pick-up, PostgreSQL"),
    _pickup("jobdesk_redis", "idle pick-up, Redis"),
]
JOBS = [
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
        times(8, "burst", "jobs_per_s", *ONE_ROW_PER_JOB),
        "8 x those with a row a job",
        at_least=True,
    ),
    *_best_of_class("burst, jobs/s", "burst", "jobs_per_s"),
    Goal("bulk, drained/s", "bulk", "drained_per_s", exactly(10_000), "10,000", at_least=True),
    Goal("bulk, accepted/s", "bulk", "accepted_per_s", exactly(60_000), "60,000", at_least=True),
]
WEB = [
    Goal(
        "bulk over HTTP, lines/s",
        "bulk-http",
        "lines_per_s",
        exactly(20_000),
        "20,000",
        at_least=True,
    ),
    Goal("bulk over HTTP, site's memory, MB", "bulk-http", "rss_mb", exactly(300), "under 300"),
    Goal(
        "submit during a bulk p99, ms",
        "bulk-http",
        "p99_ms",
        times(3, "bulk-http", "usual_p99_ms", "jobdesk"),
        "3 x its usual",
    ),
    Goal(
        "a list during a bulk p99, ms",
        "bulk-http",
        "list_p99_ms",
        times(3, "bulk-http", "usual_list_p99_ms", "jobdesk"),
        "3 x its usual",
    ),
    Goal(
        "bulk, a line that comes alone p50, ms",
        "bulk-http",
        "slow_line_p50_ms",
        exactly(15),
        "under 15",
    ),
    Goal(
        "submit over HTTP, /s",
        "submit",
        "per_s",
        times(1, "submit", "per_s", "one_insert"),
        "a view with one INSERT under gunicorn",
        at_least=True,
        floors=(
            Floor("one_insert", "submit", "per_s", compared=True),
            Floor("one_insert_up", "submit", "per_s", compared=True),
            Floor("empty_view", "submit", "per_s"),
            Floor("empty_view_up", "submit", "per_s"),
        ),
    ),
    Goal(
        "submit over HTTP p99, ms",
        "submit",
        "p99_ms",
        exactly(15),
        "under 15",
        floors=(
            Floor("one_insert", "submit", "p99_ms"),
            Floor("one_insert_up", "submit", "p99_ms"),
        ),
    ),
    *_best_of_class("submit over HTTP, /s", "submit", "per_s"),
    Goal(
        "304 to a poll, /s",
        "poll",
        "polls_per_s",
        times(0.8, "poll", "polls_per_s", "empty_view"),
        "0.80 of the empty view under gunicorn",
        at_least=True,
        floors=(
            Floor("empty_view", "poll", "polls_per_s", compared=True),
            Floor("empty_view_up", "poll", "polls_per_s", compared=True),
            Floor("jobdesk", "poll", "empty_per_s", "an empty view in our own site", True),
        ),
    ),
    Goal(
        "500 pollers, cores",
        "crowd",
        "cores",
        exactly(0.5),
        "under 0.5",
        floors=(Floor("empty_view", "crowd", "cores"), Floor("empty_view_up", "crowd", "cores")),
    ),
    Goal("500 who wait, cores", "waiters", "cores", exactly(0.5), "under 0.5"),
    Goal("500 who wait hear p50, ms", "waiters", "heard_p50_ms", exactly(50), "under 50"),
    Goal("feed, results/s", "feed", "read_per_s", exactly(50_000), "50,000", at_least=True),
    Goal("feed, a page of a million by one of 1,000", "feed", "grown_times", exactly(1.2), "1.2"),
    Goal("feed, the slowest place by the quickest", "feed", "place_times", exactly(1.2), "1.2"),
    Goal("feed of a rare task, a page, ms", "feed", "rare_ms", exactly(50), "under 50"),
    Goal("feed, heard p50, ms", "feed", "heard_p50_ms", exactly(50), "under 50"),
    Goal("events, heard p50, ms", "feed", "event_p50_ms", exactly(50), "under 50"),
]
OTHER = [
    Goal(
        "computing, wall / ideal",
        "compute",
        "over_ideal",
        exactly(1.1),
        "1.10",
        floors=(
            Floor("bare_pool", "compute", "over_ideal"),
            Floor("jobdesk", "compute", "pool_over_ideal", "the pool right before each round"),
            Floor("jobdesk", "compute", "two_over_one", "a core's time for a job, two : one busy"),
        ),
    ),
    *_best_of_class("computing, wall / ideal", "compute", "over_ideal", at_least=False),
    Goal("kill -9: run again, of 2", "crash", "rerun", exactly(2), "2", at_least=True),
    Goal("kill -9: run again after, s", "crash", "rerun_after_s", exactly(3), "3"),
    Goal("kill -9: queued run, of 6", "crash", "queued_run", exactly(6), "6", at_least=True),
    Goal("kill -9: run twice", "crash", "ran_twice", exactly(0), "0"),
    Goal("starts of a 130-s job", "long", "starts", exactly(1), "1"),
    # The default of ``runconsumers`` is one process, here with two slots.
    Goal("idle worker, PSS MB", "start", "pss_mb", exactly(110), "under 110", "jobdesk_threads"),
    Goal("start to first job, s", "start", "start_s", exactly(1.5), "under 1.5"),
    Goal("at a million rows, worst x", "grown", "worst_times", exactly(1.2), "1.2"),
    Goal("at a million rows, submit, x", "grown", "submit_times", exactly(1.2), "1.2"),
]
GOALS: tuple[Goal, ...] = (*IDLE, *JOBS, *WEB, *OTHER)
