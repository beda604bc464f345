"""The counters agree with the rows, whoever is killed and whoever else writes."""

from __future__ import annotations

import threading
from collections import Counter as Tally
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from jobs import lifecycle
from jobs.core.db import Adapter, run, write_transaction
from jobs.core.states import FINAL, AttemptOutcome, Status
from jobs.lifecycle import counter_folding, fold_counters
from jobs.lifecycle.counters import add_counts
from jobs.models import Attempt, Counter, Job
from jobs.models.counter import COLUMNS, RUN, WAIT
from jobs.queries.counters import task_counts
from tests.brokers.servers import Setup
from tests.consumers import Consumers
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.parametrize(
    "setup",
    [Setup("sqlite").parameter(), Setup("postgres", database="postgres").parameter()],
    indirect=True,
)
PAIRS = [("a", "default"), ("a", "mail"), ("b", "default")]
ONE = [1] * len(COLUMNS)
HELD = 2
QUICK = 30
"""Most may be claimed and not begun when their consumers are killed. Each of these then runs in a
process of its own, 0.5 s of CPU: of a hundred jobs, those of SQLite took up to two minutes."""
WRITERS, FOLDERS, EACH = 3, 2, 40


def counted() -> tuple[dict[str, int], dict[str, int]]:
    """What has been counted of all tasks: jobs by status and attempts by outcome."""
    jobs, attempts = Tally[str](), Tally[str]()
    for one in task_counts():
        jobs.update({status.value: number for status, number in one.jobs().items()})
        attempts.update({outcome.value: number for outcome, number in one.attempts().items()})
    return dict(+jobs), dict(+attempts)


def written() -> tuple[dict[str, int], dict[str, int]]:
    """The same from the rows of the jobs and their attempts."""
    finished = Job.objects.filter(status__in=FINAL).values_list("status", flat=True)
    return Tally(finished), Tally(Attempt.objects.values_list("outcome", flat=True))


def held_run() -> bool:
    """Whether the jobs that wait for the file run, to be lost when their consumer is killed."""
    held = Job.objects.filter(task=tasks.hold.name, status=Status.RUNNING)
    return held.count() == HELD


def add_one(shard: UUID) -> None:
    """Add one to every count of a shard."""
    counts = dict.fromkeys(PAIRS, ONE)
    run(connection, *add_counts(Adapter(connection), counts, timezone.now(), shard))


def observed(histogram: str) -> int:
    return sum(one.histogram(histogram).cumulative[-1] for one in task_counts())


@pytest.mark.processes
def test_nothing_is_lost_or_counted_twice_when_consumers_are_killed(
    setup: Setup, consumers: Consumers, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    for _ in range(HELD):
        tasks.hold.enqueue(path=str(gate))
    both = [consumers.launch("--concurrency", "2") for _ in range(2)]
    for number in range(QUICK):
        tasks.square.enqueue(number)
    tasks.hopeless.enqueue()
    wait_until(lambda: Attempt.objects.count() >= 20)
    wait_until(held_run)
    for consumer in both:
        consumer.kill()
    waiting = tasks.square.using(run_after=timezone.now() + timedelta(days=1)).enqueue(1)
    lifecycle.cancel_job(Job.objects.get(pk=waiting.id).pk, "ada")
    gate.touch()
    consumers.start()
    # Each job that was lost runs in a process of its own, which takes a while on a busy machine.
    wait_until(lambda: not Job.objects.exclude(status__in=FINAL).exists(), timeout=150)
    assert counted() == written()
    assert counted()[0] == {"succeeded": QUICK + HELD, "failed": 1, "cancelled": 1}
    lost = Attempt.objects.filter(outcome=AttemptOutcome.LOST)
    assert lost.count() >= HELD
    ended = Attempt.objects.exclude(outcome=AttemptOutcome.LOST)
    assert observed(RUN) == ended.count()
    assert observed(WAIT) == ended.filter(number=1).count()
    fold_counters(timezone.now() + counter_folding.QUIET + timedelta(minutes=1))
    assert counted() == written()


def together(*steps: Callable[[], None]) -> None:
    """Run each in a thread with a connection of its own; raise what one of them raises."""

    def closing(step: Callable[[], None]) -> None:
        try:
            step()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(steps)) as pool:
        for future in [pool.submit(closing, step) for step in steps]:
            future.result(120)


def test_several_fold_what_others_still_write(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_folding, "QUIET", timedelta(days=-1))
    monkeypatch.setattr(counter_folding, "MOST_ROWS", 4)
    begin = threading.Barrier(WRITERS + FOLDERS)
    done: list[None] = []

    def write() -> None:
        shard = uuid4()
        begin.wait()
        for _ in range(EACH):
            with write_transaction():
                add_one(shard)
        done.append(None)

    def fold() -> None:
        begin.wait()
        while len(done) < WRITERS:
            fold_counters(timezone.now())

    together(*[write] * WRITERS, *[fold] * FOLDERS)
    while fold_counters(timezone.now()):
        pass
    rows = Counter.objects.order_by("task", "queue")
    assert [(row.task, row.queue) for row in rows] == PAIRS
    assert {row.shard for row in rows} == {counter_folding.FOLDED}
    assert {getattr(row, name) for row in rows for name in COLUMNS} == {WRITERS * EACH}


def test_quiet_shards_are_folded_once_by_many_at_once(setup: Setup) -> None:
    for _ in range(20):
        add_one(uuid4())
    later = timezone.now() + counter_folding.QUIET + timedelta(minutes=1)
    begin = threading.Barrier(4)

    def fold() -> None:
        begin.wait()
        fold_counters(later)

    together(*[fold] * 4)
    fold_counters(later)
    assert set(Counter.objects.values_list("jobs_succeeded", flat=True)) == {20}
    assert Counter.objects.count() == len(PAIRS)
