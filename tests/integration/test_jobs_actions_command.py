"""``manage.py jobs cancel`` and ``retry``."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from jobs import lifecycle
from jobs.core.states import UNFINISHED, Status
from jobs.management.jobs_command import actions, pages
from jobs.models import Job
from tests.factories import make_job, make_user, take_all
from tests.integration.command_output import CommandOutput
from tests.integration.statements import noted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]

TASK = "testapp.square"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "CHUNK", 2)
    monkeypatch.setattr(pages, "IDS_A_PAGE", 3)


def statuses() -> dict[str, int]:
    found: dict[str, int] = {}
    for status in Job.objects.values_list("status", flat=True):
        found[status] = found.get(status, 0) + 1
    return found


class TestWhich:
    @pytest.mark.parametrize("action", ["cancel", "retry"])
    @pytest.mark.parametrize(
        "words", [[], ["--yes"], ["--all", "--queue", "mail"], ["--dry-run"]], ids=" ".join
    )
    def test_jobs_are_named_in_one_way(self, action: str, words: list[str]) -> None:
        make_job()
        said = CommandOutput("jobs", action, *words)
        assert (said.code, said.out) == (2, "")
        assert said.error == "Which jobs? Give ids, or filters such as --task, or --all."
        said = CommandOutput("jobs", action, str(Job.objects.get().pk), "--task", TASK)
        assert said.code == 2
        assert statuses() == {"queued": 1}

    @pytest.mark.parametrize(("action", "status"), [("cancel", "failed"), ("retry", "queued")])
    def test_a_status_that_cannot_be_changed(self, action: str, status: str) -> None:
        said = CommandOutput("jobs", action, "--status", status, "--yes")
        assert (said.code, "--status takes" in said.error) == (2, True)


class TestCancel:
    def test_by_id_with_the_words_of_the_admin(self) -> None:
        jobs = [make_job(), make_job(status=Status.SCHEDULED), make_job(status=Status.RUNNING)]
        said = CommandOutput("jobs", "cancel", *(str(job.pk) for job in jobs))
        assert (said.code, said.out.splitlines()) == (
            0,
            ["2 jobs were cancelled.", "1 job was running and was asked to stop."],
        )
        assert statuses() == {"cancelled": 2, "running": 1}
        assert Job.objects.get(status=Status.RUNNING).cancel_requested
        one = Job.objects.filter(status=Status.CANCELLED)[0]
        assert one.error_message.startswith("cancelled by ")
        assert one.error_message.endswith("manage.py)")
        assert (one.error_type, one.version, one.finished_at is None) == ("Cancelled", 2, False)

    def test_what_cannot_be_cancelled_exits_with_1(self) -> None:
        waiting, done = make_job(), make_job(status=Status.SUCCEEDED)
        gone = make_job()
        gone_key = str(gone.pk)
        gone.delete()
        keys = (str(waiting.pk), str(done.pk), gone_key)
        said = CommandOutput("jobs", "cancel", *keys, "--json")
        assert (said.code, said.error) == (1, "Not all of them were changed.")
        assert json.loads(said.out) == {
            "matched": 3,
            "dry_run": False,
            "outcomes": {"cancelled": 1, "already_finished": 1, "deleted": 1},
            "refused": [],
        }
        assert CommandOutput("jobs", "cancel", "x").code == 2

    def test_by_filters_in_chunks_whatever_the_status(self) -> None:
        for queue in ("default", "mail"):
            for _ in range(7):
                make_job(queue=queue)
            make_job(queue=queue, status=Status.SCHEDULED)
            make_job(queue=queue, status=Status.RUNNING)
            make_job(queue=queue, status=Status.FAILED)
        said = CommandOutput("jobs", "cancel", "--queue", "mail", "--yes")
        assert said.out.splitlines() == [
            "8 jobs were cancelled.",
            "1 job was running and was asked to stop.",
        ]
        assert not Job.objects.filter(queue="mail", status__in=UNFINISHED - {"running"}).exists()
        assert Job.objects.filter(queue="default", status="queued").count() == 7
        assert CommandOutput("jobs", "cancel", "--status", "queued", "--yes").code == 0
        assert not Job.objects.filter(status="queued").exists()
        assert Job.objects.filter(status="scheduled").count() == 1

    def test_a_job_that_starts_meanwhile_is_asked_to_stop(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(4):
            make_job()
        real = lifecycle.cancel_waiting_jobs
        monkeypatch.setattr(
            lifecycle, "cancel_waiting_jobs", lambda *given: (take_all(), real(*given))[1]
        )
        said = CommandOutput("jobs", "cancel", "--all", "--yes")
        assert said.out == "4 jobs were running and were asked to stop.\n"

    def test_many_cost_one_statement_a_chunk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions, "CHUNK", 50)
        monkeypatch.setattr(pages, "IDS_A_PAGE", 1000)
        for _ in range(100):
            make_job()
        words = ("jobs", "cancel", "--all", "--yes")
        updates = [
            sql for sql, _ in noted(lambda: CommandOutput(*words)) if "UPDATE jobs_job" in sql
        ]
        assert (len(updates), statuses()) == (2, {"cancelled": 100})


class TestConfirmation:
    def test_a_dry_run_says_how_many(self) -> None:
        make_job()
        make_job(status=Status.FAILED)
        said = CommandOutput("jobs", "cancel", "--all", "--dry-run")
        assert (said.code, said.out) == (
            0,
            "This cancels 1 job; those that run are asked to stop.\n",
        )
        said = CommandOutput("jobs", "retry", "--all", "--dry-run", "--json")
        assert json.loads(said.out) == {
            "matched": 1,
            "dry_run": True,
            "outcomes": {},
            "refused": [],
        }
        assert statuses() == {"queued": 1, "failed": 1}

    def test_a_script_has_to_say_yes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make_job()
        for stdin in (io.StringIO("y\n"), None):
            monkeypatch.setattr(sys, "stdin", stdin)
            said = CommandOutput("jobs", "cancel", "--all")
            assert (said.code, "Add --yes" in said.error) == (2, True)
        assert statuses() == {"queued": 1}

    @pytest.mark.parametrize(
        ("typed", "code", "left"), [("y\n", 0, "cancelled"), ("\n", 2, "queued"), ("", 2, "queued")]
    )
    def test_a_person_is_asked(
        self, typed: str, code: int, left: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_job()
        stdin: Any = io.StringIO(typed)
        stdin.isatty = lambda: True
        monkeypatch.setattr(sys, "stdin", stdin)
        said = CommandOutput("jobs", "cancel", "--all")
        assert (said.code, statuses()) == (code, {left: 1})
        assert said.err.endswith("Go on? [y/N] ")

    def test_nobody_is_asked_about_nothing(self) -> None:
        said = CommandOutput("jobs", "cancel", "--all")
        assert (said.code, said.out) == (0, "No job matches.\n")


class TestRetry:
    def test_by_filters_failed_jobs_alone(self) -> None:
        user = make_user()
        for number in range(5):
            make_job(
                status=Status.FAILED,
                owner=user if number % 2 else None,
                failures=3,
                error_type="E",
                error_message="no",
                result=None,
            )
        make_job(status=Status.CANCELLED)
        said = CommandOutput("jobs", "retry", "--task", TASK, "--yes")
        assert said.out == "5 jobs were put back into the queue.\n"
        assert statuses() == {"queued": 5, "cancelled": 1}
        rows = Job.objects.filter(status="queued")
        assert set(rows.values_list("failures", "error_type", "version")) == {(0, "", 2)}
        assert CommandOutput("jobs", "retry", "--status", "cancelled", "--yes").code == 0
        assert statuses() == {"queued": 6}

    def test_many_get_the_row_that_one_gets(self) -> None:
        fields: dict[str, Any] = {
            "status": Status.FAILED,
            "failures": 3,
            "lost_count": 2,
            "cancel_requested": True,
            "cancelled_by": "ada",
            "error_type": "E",
            "error_message": "m",
            "result": {"a": 1},
            "progress_done": 1.0,
            "progress_total": 2.0,
            "progress_message": "p",
            "progress_stage": {"name": "s", "number": 1, "of": 2},
            "warnings": ["w"],
        }
        first, second = make_job(**fields), make_job(**fields)
        lifecycle.requeue_job(first)
        assert lifecycle.requeue_jobs([second.pk]) == {second.pk}
        one: dict[str, Any]
        other: dict[str, Any]
        one, other = (Job.objects.filter(pk=job.pk).values().get() for job in (first, second))  # type: ignore[assignment]
        assert (one.pop("id"), other.pop("id")) == (first.pk, second.pk)
        assert one.pop("fair_position") + 1 == other.pop("fair_position")
        assert {one.pop("created_at"), one.pop("started_at")} == {
            first.created_at,
            first.started_at,
        }
        del other["created_at"], other["started_at"]
        assert one == other

    def test_owners_take_turns_among_those_that_are_requeued(self) -> None:
        user, other = make_user(), make_user("bob")
        jobs = [make_job(status=Status.FAILED, owner=user) for _ in range(2)]
        jobs += [make_job(status=Status.FAILED, owner=other) for _ in range(2)]
        lifecycle.requeue_jobs([job.pk for job in jobs])
        order = Job.objects.waiting_in("default").values_list("owner__username", flat=True)
        assert list(order) == ["ada", "bob", "ada", "bob"]

    def test_what_cannot_run_again_is_said_by_reason(self) -> None:
        make_job(status=Status.FAILED)
        for _ in range(3):
            make_job(status=Status.FAILED, task="testapp.gone")
        make_job(unique_key="k", unique_slot="slot")
        make_job(status=Status.FAILED, unique_key="k", unique_slot="slot")
        said = CommandOutput("jobs", "retry", "--all", "--yes")
        assert said.code == 1
        assert said.out.splitlines() == [
            "1 job was put back into the queue.",
            "3 jobs were not run again: The task 'testapp.gone' is no longer in the code.",
            "1 job was not run again: Another unfinished job has the same unique key, 'k'.",
        ]

    def test_by_id_a_job_that_has_not_failed_is_refused(self) -> None:
        job = make_job(status=Status.SUCCEEDED)
        said = CommandOutput("jobs", "retry", str(job.pk), "--json")
        assert said.code == 1
        (refused,) = json.loads(said.out)["refused"]
        assert refused == {
            "reason": "Only a failed or cancelled job can run again; this one is done.",
            "count": 1,
        }

    def test_jobs_that_fail_again_meanwhile_are_not_met_twice(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(5):
            make_job(status=Status.FAILED)
        real = lifecycle.requeue_jobs

        def requeue_and_fail(keys: Any) -> set[Any]:
            requeued = real(keys)
            Job.objects.filter(pk__in=requeued).update(status=Status.FAILED)
            make_job(status=Status.FAILED)
            return requeued

        monkeypatch.setattr(lifecycle, "requeue_jobs", requeue_and_fail)
        said = CommandOutput("jobs", "retry", "--all", "--yes")
        assert said.out == "5 jobs were put back into the queue.\n"
