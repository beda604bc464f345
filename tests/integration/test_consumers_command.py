"""``manage.py consumers``, and what else knows of a consumer that is quiet."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import Status
from jobs.models import Consumer, ConsumerRequest
from jobs.queries.waiting_reason import why_waiting
from tests.factories import make_consumer, make_job
from tests.integration.command_output import CommandOutput

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """What other processes do while the command waits."""

    def set_action(action: Callable[[], Any]) -> None:
        monkeypatch.setattr("jobs.management.polling.sleep", lambda seconds: action())

    return set_action


def asked() -> dict[str, str]:
    return {str(one): one.requested for one in Consumer.objects.all()}


class TestList:
    def test_each_living_consumer_is_a_line_of_fields_on_a_pipe(self) -> None:
        one = make_consumer(["default", "mail"], host="a", pid=1, concurrency=3)
        make_consumer(host="b", dead_at=timezone.now())
        make_job(status=Status.RUNNING, consumer_id=one.pk)
        for words in (["consumers"], ["consumers", "list"]):
            said = CommandOutput(*words)
            (line,) = said.out.splitlines()
            fields = line.split("\t")
            assert fields[:7] == [str(one.pk), "a", "1", "alive", "1", "3", "default,mail"]
            assert len(fields) == 9

    @pytest.mark.usefixtures("frozen_clock")
    def test_the_states(self) -> None:
        now = timezone.now()
        make_consumer(host="a", requested="quiet")
        make_consumer(host="b", requested="stop")
        make_consumer(host="c", requested="dance")
        make_consumer(host="d", heartbeat_at=now - timedelta(minutes=5), requested="quiet")
        lines = CommandOutput("consumers").out.splitlines()
        states = {line.split("\t")[1]: line.split("\t")[3] for line in lines}
        assert states == {"a": "quiet", "b": "stopping", "c": "alive", "d": "silent for 5 m"}

    @pytest.mark.parametrize("words", [("--json",), ("list", "--json"), ("--json", "list")])
    def test_json_is_one_document_a_line(self, words: tuple[str, ...]) -> None:
        one = make_consumer(host="a", requested="quiet")
        make_consumer(host="b")
        said = [json.loads(line) for line in CommandOutput("consumers", *words).out.splitlines()]
        assert [told["host"] for told in said] == ["b", "a"]
        assert said[1] == {
            "id": str(one.pk),
            "host": "a",
            "pid": 7,
            "state": "quiet",
            "requested": "quiet",
            "running": 0,
            "concurrency": 8,
            "queues": ["default"],
            "started_at": said[1]["started_at"],
            "heartbeat_at": said[1]["heartbeat_at"],
        }
        assert said[1]["started_at"].endswith("Z")


class TestRequests:
    def test_by_id_host_and_label_and_all(self) -> None:
        one = make_consumer(host="a", pid=1)
        make_consumer(host="b", pid=2)
        make_consumer(host="b", pid=3)
        dead = make_consumer(host="b", pid=4, dead_at=timezone.now())
        CommandOutput("consumers", "quiet", str(one.pk))
        said = CommandOutput("consumers", "stop", "b:2")
        assert said.out == "b:2 stops with its next heartbeat, when what it runs has ended.\n"
        assert asked() == {"a:1": "quiet", "b:2": "stop", "b:3": "", "b:4": ""}
        CommandOutput("consumers", "quiet", "b")
        assert asked() == {"a:1": "quiet", "b:2": "quiet", "b:3": "quiet", "b:4": ""}
        said = CommandOutput("consumers", "resume", "--all", "--json")
        assert asked() == {"a:1": "", "b:2": "", "b:3": "", "b:4": ""}
        assert len(said.out.splitlines()) == 3
        assert str(dead.pk) not in said.out

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (["quiet"], "Which consumers? Give ids, hosts or HOST:PID, or --all."),
            (["stop", "here", "--all"], "Which consumers?"),
            (["stop", "hero:7"], "There is no consumer 'hero:7'. Did you mean here:7"),
            (["stop", "zzz"], "There is no consumer 'zzz'. Known: here:7."),
            (["stop", "here", "zzz"], "There is no consumer 'zzz'."),
        ],
    )
    def test_words_that_name_none_change_nothing(self, words: list[str], error: str) -> None:
        make_consumer()
        said = CommandOutput("consumers", *words)
        assert (said.code, said.out) == (2, "")
        assert said.error.startswith(error)
        assert asked() == {"here:7": ""}

    def test_all_of_none(self) -> None:
        said = CommandOutput("consumers", "stop", "--all", "--wait", "0")
        assert (said.code, said.out, said.err) == (0, "", "No consumer runs.\n")

    def test_quiet_waits_for_a_heartbeat_after_the_request_and_for_what_runs(
        self, meanwhile: Callable[[Callable[[], Any]], None]
    ) -> None:
        one = make_consumer()
        job = make_job(status=Status.RUNNING, consumer_id=one.pk)
        steps: list[Callable[[], Any]] = [
            job.delete,
            lambda: lifecycle.heartbeat(one.pk),
        ]
        meanwhile(lambda: steps.pop(0)())  # noqa: PLW0108  (each time the next)
        assert CommandOutput("consumers", "quiet", "here", "--wait", "60").code == 0
        assert steps == []

    def test_stop_waits_until_the_row_is_gone(
        self, meanwhile: Callable[[Callable[[], Any]], None]
    ) -> None:
        one = make_consumer()
        meanwhile(lambda: lifecycle.deregister(one.pk))
        said = CommandOutput("consumers", "stop", "here", "--wait", "60", "--json")
        assert (said.code, json.loads(said.out)["id"]) == (0, str(one.pk))

    def test_a_wait_that_is_over_exits_with_3_and_the_request_holds(self) -> None:
        make_consumer()
        for name, requested in (("quiet", "quiet"), ("stop", "stop")):
            said = CommandOutput("consumers", name, "here", "--wait", "0")
            assert said.code == 3
            assert "1 consumer left: here:7" in said.error
            assert asked() == {"here:7": requested}

    def test_one_that_dies_meanwhile_exits_with_1(
        self, meanwhile: Callable[[Callable[[], Any]], None]
    ) -> None:
        one = make_consumer()
        meanwhile(lambda: lifecycle.mark_dead(one.pk))
        said = CommandOutput("consumers", "stop", "here", "--wait", "60")
        assert (said.code, "Declared dead meanwhile: here:7" in said.error) == (1, True)


class TestTheHeartbeat:
    def test_it_reads_the_request_and_no_other_version_breaks_it(self) -> None:
        one = make_consumer()
        assert lifecycle.heartbeat(one.pk) is ConsumerRequest.NONE
        lifecycle.request([one.pk], ConsumerRequest.STOP)
        assert lifecycle.heartbeat(one.pk) is ConsumerRequest.STOP
        Consumer.objects.update(requested="dance")
        assert lifecycle.heartbeat(one.pk) is ConsumerRequest.NONE

    def test_one_that_was_declared_dead_stays_quiet_as_another(
        self, jobs_setting: Callable[..., None]
    ) -> None:
        from jobs.consumer.registration import Registration

        registration = Registration(["default"], 1)
        registration.requested = ConsumerRequest.QUIET
        registration.renew()
        assert Consumer.objects.get(pk=registration.id).requested == "quiet"


class TestElsewhere:
    def test_a_quiet_consumer_serves_no_queue(self) -> None:
        make_consumer(["default", "mail"], requested="quiet")
        job = make_job()
        reason = why_waiting(job, timezone.now())
        assert reason is not None
        assert reason.text.startswith("No consumer serves the queue default.")
        said = CommandOutput("doctor")
        assert "The consumer here:7 is quiet: it takes nothing new." in said.out
        assert "No consumer serves the queue default (1 job waiting)." in said.out

    def test_staff_ask_in_the_admin(self, root: Client) -> None:
        one = make_consumer()
        make_consumer(host="gone", dead_at=timezone.now())
        keys = [str(key) for key in Consumer.objects.values_list("pk", flat=True)]
        for action, requested in (("quiet", "quiet"), ("stop", "stop"), ("resume", "")):
            data = {"action": action, "_selected_action": keys}
            answer = root.post("/admin/jobs/consumer/", data, follow=True)
            (message,) = answer.context["messages"]
            assert str(message).startswith("here:7 ")
            assert asked() == {"here:7": requested, "gone:7": ""}
            entry = LogEntry.objects.latest("pk")
            assert (entry.object_id, entry.get_change_message()) == (str(one.pk), str(message))
        assert "alive" in root.get(f"/admin/jobs/consumer/{one.pk}/change/").content.decode()
