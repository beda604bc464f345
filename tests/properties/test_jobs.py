"""Whatever is done to jobs, in any order: the table of states, the fence and fairness hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from jobs import lifecycle
from jobs.lifecycle import poison_jobs
from jobs.models import Job
from tests.factories import make_consumer, make_user
from tests.properties.expected_jobs import FREE_LOSSES, PROMPT_LOSSES
from tests.properties.job_machine import JobMachine

pytestmark = pytest.mark.django_db

QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


def test_any_sequence_of_steps_keeps_to_the_states(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poison_jobs, "FREE_LOSSES", FREE_LOSSES)
    monkeypatch.setattr(poison_jobs, "PROMPT_LOSSES", PROMPT_LOSSES)
    run_state_machine_as_test(
        JobMachine,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=QUIET
        ),
    )


OWNERS = ("ada", "bob", "eve")
submissions = st.lists(st.tuples(st.sampled_from(OWNERS), st.integers(0, 1)), max_size=25)
steps = st.lists(st.one_of(st.sampled_from(OWNERS), st.none()), max_size=40)


@settings(max_examples=30, deadline=None, suppress_health_check=QUIET)
@given(submissions)
def test_owners_take_turns_within_a_priority(submitted: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        users = {name: make_user(name) for name in OWNERS}
        for name, priority in submitted:
            lifecycle.insert_job(Job(task="t", owner=users[name], priority=priority))
        taken = lifecycle.claim_jobs("default", 100, make_consumer().pk, timezone.now())
        order = list(Job.objects.in_bulk([claim.id for claim in taken]).values())
        order.sort(key=lambda job: [claim.id for claim in taken].index(job.pk))
        transaction.set_rollback(True)
    assert [job.priority for job in order] == sorted((p for _, p in submitted), reverse=True)
    for priority in (0, 1):
        _check_fairness([job for job in order if job.priority == priority])


def _check_fairness(order: list[Job]) -> None:
    left = Counter(job.owner_id for job in order)
    served: Counter[Any] = Counter()
    last: dict[Any, Any] = {}
    for job in order:
        assert last.get(job.owner_id, job.pk) <= job.pk, "an owner's jobs changed their order"
        last[job.owner_id] = job.pk
        served[job.owner_id] += 1
        left[job.owner_id] -= 1
        waiting = [served[owner] for owner in left if left[owner]]
        assert all(served[job.owner_id] <= other + 1 for other in waiting)


@settings(max_examples=40, deadline=None, suppress_health_check=QUIET)
@given(steps)
def test_an_owner_with_nothing_queued_waits_for_one_job_of_each_other_at_most(
    script: list[str | None],
) -> None:
    """However many jobs the other owners have queued."""
    with transaction.atomic():
        users = {name: make_user(name) for name in OWNERS}
        consumer = make_consumer().pk
        waiting: list[Job] = []
        passed: dict[Any, Counter[Any]] = {}
        for step in script:
            if step is None:
                taken = lifecycle.claim_jobs("default", 1, consumer, timezone.now())
                for claim in taken:
                    passed.pop(claim.id, None)
                    for others in passed.values():
                        others[claim.owner_id] += 1
                    waiting = [job for job in waiting if job.pk != claim.id]
            else:
                job = Job(task="t", owner=users[step])
                first = all(other.owner_id != job.owner_id for other in waiting)
                lifecycle.insert_job(job)
                waiting.append(job)
                if first:
                    passed[job.pk] = Counter()
            assert all(count <= 1 for others in passed.values() for count in others.values())
        transaction.set_rollback(True)
