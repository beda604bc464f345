"""``manage.py queues``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.core.states import Status
from jobs.models import Job, Queue
from jobs.queries.queue_states import queue_states
from tests.factories import make_consumer, make_job
from tests.integration.command_output import CommandOutput

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]


def paused() -> set[str]:
    return set(Queue.objects.filter(paused=True).values_list("name", flat=True))


class TestList:
    @pytest.mark.usefixtures("frozen_clock")
    def test_each_queue_is_a_line_of_fields_on_a_pipe(self) -> None:
        make_consumer(["default"])
        make_job(created_at=timezone.now() - timedelta(minutes=5))
        make_job(status=Status.SCHEDULED)
        make_job(status=Status.RUNNING, queue="mail")
        CommandOutput("queues", "pause", "mail")
        for words in (["queues"], ["queues", "list"]):
            lines = CommandOutput(*words).out.splitlines()
            assert [line.split("\t") for line in lines] == [
                ["default", "open", "1", "1", "0", "1", "5 m"],
                ["mail", "paused", "0", "0", "1", "0", ""],
            ]

    def test_json_is_what_the_api_has_one_a_line(self) -> None:
        make_job(status=Status.RUNNING)
        said = [json.loads(line) for line in CommandOutput("queues", "--json").out.splitlines()]
        assert said == queue_states(timezone.now())


class TestPauseAndResume:
    def test_pause_and_resume(self) -> None:
        said = CommandOutput("queues", "pause", "default", "mail", "default")
        assert said.out.splitlines() == [
            "The queue default is paused: nothing more is taken from it.",
            "The queue mail is paused: nothing more is taken from it.",
        ]
        assert paused() == {"default", "mail"}
        said = CommandOutput("queues", "resume", "mail", "--json")
        assert [json.loads(line)["name"] for line in said.out.splitlines()] == ["mail"]
        assert paused() == {"default"}

    @pytest.mark.parametrize("action", ["pause", "resume", "drain"])
    def test_an_unknown_name_changes_nothing(self, action: str) -> None:
        said = CommandOutput("queues", action, "default", "mial")
        assert (said.code, said.out) == (2, "")
        assert said.error == "There is no queue named 'mial'. Known: default, mail."
        assert paused() == set()

    def test_any_name_where_tasks_allows_any(self, settings: Any) -> None:
        settings.TASKS = {"default": {**settings.TASKS["default"], "QUEUES": []}}
        assert CommandOutput("queues", "pause", "later").code == 0
        assert paused() == {"later"}


class TestDrain:
    def test_it_waits_until_nothing_runs_whatever_waits(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_job(status=Status.RUNNING)
        make_job()
        make_job(status=Status.RUNNING, queue="mail")
        running = Job.objects.filter(status=Status.RUNNING, queue="default")
        monkeypatch.setattr("jobs.management.polling.sleep", lambda seconds: running.delete())
        said = CommandOutput("queues", "drain", "default")
        assert (said.code, said.out.splitlines()) == (
            0,
            [
                "The queue default is paused: nothing more is taken from it.",
                "Drained: no job of default runs.",
            ],
        )
        assert paused() == {"default"}

    def test_a_claim_that_is_committed_shortly_after_the_pause_is_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        steps: list[Callable[[], Any]] = [
            lambda: make_job(status=Status.RUNNING),
            lambda: Job.objects.all().delete(),
            lambda: None,
        ]
        monkeypatch.setattr("jobs.management.polling.sleep", lambda seconds: steps.pop(0)())
        assert CommandOutput("queues", "drain", "default").code == 0
        assert steps == []

    def test_a_time_out_exits_with_3_and_the_pause_stays(self) -> None:
        make_job(status=Status.RUNNING)
        said = CommandOutput("queues", "drain", "default", "--timeout", "0", "--json")
        assert (said.code, json.loads(said.out)["running"]) == (3, 1)
        assert "1 job of default still run" in said.error
        assert paused() == {"default"}

    def test_an_empty_queue_needs_no_time(self) -> None:
        assert CommandOutput("queues", "drain", "default", "--timeout", "0").code == 0
