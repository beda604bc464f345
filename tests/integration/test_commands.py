"""``manage.py submit``, ``createtoken``, ``doctor`` and ``prune``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.utils import timezone

from jobs.errors import NotAllowed
from jobs.management import diagnosis
from jobs.management.commands import submit as module
from jobs.management.outcome import wait_for
from jobs.models import Job, QuarantinedMessage, Token, Upload
from jobs.states import Ending, Status
from jobs.submission import backlog
from tests.factories import (
    end,
    finished_long_ago,
    make_artifact,
    make_consumer,
    make_job,
    make_user,
    record,
    take_one,
)

from .api_tasks import ADD, READ, SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "jobs_setting")]


class Said:
    """What a command printed, and how it ended."""

    def __init__(self, *words: str) -> None:
        out, err = StringIO(), StringIO()
        self.code = 0
        self.refusal = ""
        try:
            call_command(*words, stdout=out, stderr=err, no_color=True)
        except CommandError as error:
            self.code = error.returncode
            self.refusal = str(error)
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_known", {})


# --- submit -----------------------------------------------------------------------------------


class TestSubmit:
    def test_it_prints_the_id_alone(self) -> None:
        said = Said("submit", ADD, "n=7")
        job = Job.objects.get()
        assert (said.out, said.err, said.code) == (f"{job.pk}\n", "", 0)
        assert (job.args, job.owner) == ({"n": 7, "m": 1}, None)

    def test_options_of_the_job(self) -> None:
        make_user(is_staff=True)
        Said(
            *("submit", ADD, "--user", "ada", "n=1", "--queue=mail", "--priority", "-9", "m=2"),
            *("--max-attempts", "7", "--unique-key", "k", "--run-after", "2030-01-31T09:00+02:00"),
        )
        job = Job.objects.get()
        assert (job.queue, job.priority, job.max_attempts, job.unique_key) == ("mail", -9, 7, "k")
        assert job.run_after == datetime(2030, 1, 31, 7, tzinfo=UTC)
        assert (job.args, str(job.owner)) == ({"n": 1, "m": 2}, "ada")

    def test_a_date_without_a_zone_is_in_the_sites(self, settings: Any) -> None:
        settings.TIME_ZONE = "Asia/Tokyo"
        timezone.activate("Asia/Tokyo")
        Said("submit", ADD, "n=1", "--run-after", "2030-01-31T09:00")
        timezone.deactivate()
        assert Job.objects.get().run_after == datetime(2030, 1, 31, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["tests.add"], "There is no task named 'tests.add'. Did you mean tests.add_numbers"),
            ([ADD], "/n: It is required."),
            ([ADD, "n=x"], "/n: It must be a whole number."),
            ([ADD, "n=1", "z=2"], "/z: There is no argument of this name."),
            ([ADD, "n"], "Write key=value, not 'n'."),
            ([ADD, "n=1", "n=2"], "/n: It is given twice."),
            ([ADD, "n=1", "--queue", "nowhere"], "There is no queue named 'nowhere'."),
            ([ADD, "n=1", "--priority", "101"], "It must be from -100 to 100."),
            ([ADD, "n=1", "--run-after", "soon"], "--run-after takes a date and time"),
            ([ADD, "n=1", "--run-after", "2030-02-30T00:00"], "--run-after takes a date"),
            ([ADD, "n=1", "--run-after", "0001-01-01T00:00+14:00"], "--run-after takes a date"),
            ([ADD, "n=1", "--user", "nobody"], "There is no user named 'nobody'."),
            ([ADD, "n=1", "--wait", "-1"], "--wait takes seconds, not -1."),
            ([ADD, "n=1", "--wait", "nan"], "--wait takes seconds, not nan."),
            ([READ, "log=@/no/such/file"], "cannot be read: No such file or directory."),
            ([READ, "log=/etc/passwd"], "/log: "),
            ([], "Which task?"),
            (["n=1"], "Which task?"),
        ],
    )
    def test_bad_input_is_said_in_a_sentence(self, words: list[str], said: str) -> None:
        found = Said("submit", *words)
        assert (found.code, found.out) == (2, "")
        assert said in found.refusal
        assert "\n" not in found.refusal
        assert not Job.objects.exists()

    def test_a_user_has_his_limits_and_the_operator_none(self) -> None:
        make_user()
        for words, said in (
            ((SECRET,), "You may not hand in"),
            ((ADD, "n=1", "--priority", "6"), "You may lower it, not raise it above 5."),
        ):
            found = Said("submit", *words, "--user", "ada")
            assert found.code == 2
            assert said in found.refusal
            assert Said("submit", *words).code == 0

    def test_no_file_is_stored_for_who_may_not_anyway(self, tmp_path: Path) -> None:
        user = make_user()
        user.is_active = False
        user.save()
        (tmp_path / "a.log").write_text("x", encoding="utf-8")
        said = Said("submit", READ, f"log=@{tmp_path / 'a.log'}", "--user", "ada")
        assert (said.code, Upload.objects.count()) == (2, 0)
        assert "not active" in said.refusal

    def test_nor_for_who_lacks_the_permission(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any) -> None:
            raise NotAllowed("You may not.")

        make_user()
        monkeypatch.setattr(module, "require_permission", refuse)
        (tmp_path / "a.log").write_text("x", encoding="utf-8")
        said = Said("submit", READ, f"log=@{tmp_path / 'a.log'}", "--user", "ada")
        assert (said.code, said.refusal, Upload.objects.count()) == (2, "You may not.", 0)

    def test_a_file_is_handed_in(self, tmp_path: Path) -> None:
        user = make_user()
        path = tmp_path / "access 1.log"
        path.write_bytes(b"x" * 3_000_000)
        Said("submit", READ, f"log=@{path}", "--user", "ada")
        upload = Upload.objects.get()
        assert (upload.name, upload.size, upload.owner) == ("access 1.log", 3_000_000, user)
        assert Job.objects.get().args["log"] == {"upload": str(upload.pk)}

    def test_a_file_over_the_limit(self, tmp_path: Path, jobs_setting: Callable[..., None]) -> None:
        jobs_setting(MAX_UPLOAD=10)
        (tmp_path / "a.log").write_text("x" * 11, encoding="utf-8")
        said = Said("submit", READ, f"log=@{tmp_path / 'a.log'}")
        assert (said.code, said.refusal) == (2, "The upload is over the limit of 10 bytes.")

    def test_a_unique_job_that_is_there_already(self) -> None:
        first = Said("submit", ADD, "n=1", "--unique-key", "k")
        again = Said("submit", ADD, "n=1", "--unique-key", "k")
        assert again.out == first.out
        assert "has this unique key already" in again.err

    def test_a_database_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*args: Any, **kwargs: Any) -> None:
            raise DatabaseError("no such table: jobs_job")

        monkeypatch.setattr(module, "submit", away)
        said = Said("submit", ADD, "n=1")
        assert (said.code, said.refusal) == (1, "The database says: no such table: jobs_job")


class TestWait:
    @pytest.fixture
    def ending(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Say how the job ends while the command waits."""

        def finish_with(ending: Ending = Ending.SUCCEEDED, **fields: Any) -> None:
            def waited(job_id: Any, seconds: float) -> Job | None:
                end(take_one(), ending, final=True, **fields)
                return wait_for(job_id, seconds)

            monkeypatch.setattr(module, "wait_for", waited)

        return finish_with

    @pytest.mark.parametrize(
        "words",
        [
            [ADD, "n=7", "--wait"],
            ["--wait", ADD, "n=7"],
            [ADD, "--wait", "n=7"],
            [ADD, "n=7", "--wait", "5"],
            ["--wait", "5", ADD, "n=7"],
            ["--wait=5", ADD, "n=7"],
        ],
    )
    def test_the_result_is_printed_as_json(
        self, words: list[str], ending: Callable[..., None]
    ) -> None:
        ending(result={"a": ["é", None]})
        said = Said("submit", *words)
        assert json.loads(said.out) == {"a": ["é", None]}
        assert said.code == 0
        assert str(Job.objects.get().pk) in said.err
        assert Job.objects.get().args == {"n": 7, "m": 1}

    @pytest.mark.parametrize(
        ("ending_kind", "told"),
        [(Ending.FAILED, "failed: ValueError: no"), (Ending.CANCELLED, "was cancelled: ")],
    )
    def test_a_job_that_did_not_succeed(
        self, ending_kind: Ending, told: str, ending: Callable[..., None]
    ) -> None:
        ending(ending_kind, error_type="ValueError", message="no", traceback="Traceback...")
        said = Said("submit", ADD, "n=1", "--wait")
        assert (said.code, said.out) == (1, "")
        assert told in said.refusal
        assert "Traceback" not in said.refusal

    def test_a_large_result_comes_from_its_file(
        self, ending: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def waited(job_id: Any, seconds: float) -> Job:
            end(take_one(), result=None)
            job = Job.objects.get(pk=job_id)
            make_artifact(job, "result.json", b'["large", "\xc3\xa9"]')
            return job

        monkeypatch.setattr(module, "wait_for", waited)
        assert json.loads(Said("submit", ADD, "n=1", "--wait").out) == ["large", "é"]

    def test_a_console_that_knows_ascii_only(
        self, ending: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ending(result="é")
        monkeypatch.setattr(module, "_speaks_unicode", lambda: False)
        assert Said("submit", ADD, "n=1", "--wait").out == '"\\u00e9"\n'

    def test_time_out(self) -> None:
        said = Said("submit", ADD, "n=1", "--wait", "0")
        assert (said.code, said.out) == (3, "")
        assert "has not finished within 0 s; it goes on." in said.refusal
        assert Job.objects.get().status == Status.QUEUED

    def test_it_says_when_nobody_will_come(self) -> None:
        assert "runconsumers --queues default" in Said("submit", ADD, "n=1", "--wait", "0").err
        make_consumer()
        assert "runconsumers" not in Said("submit", ADD, "n=1", "--wait", "0").err

    def test_ctrl_c_leaves_the_job_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*args: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(module, "wait_for", interrupted)
        said = Said("submit", ADD, "n=1", "--wait")
        assert said.code == 130
        assert "goes on" in said.refusal

    def test_waiting_looks_less_and_less_often(self) -> None:
        job = record()
        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 12:
                end(take_one(), result=1)

        found = wait_for(job.pk, float("inf"), sleep)
        assert found is not None
        assert found.result == 1
        assert pauses == sorted(pauses)
        assert (pauses[0], pauses[-1]) == (0.02, 0.5)

    def test_a_job_that_is_deleted_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def deleted(job_id: Any, seconds: float) -> Any:
            Job.objects.all().delete()
            return wait_for(job_id, seconds)

        monkeypatch.setattr(module, "wait_for", deleted)
        said = Said("submit", ADD, "n=1", "--wait")
        assert said.code == 1
        assert "was deleted" in said.refusal


# --- createtoken ------------------------------------------------------------------------------


class TestCreateToken:
    def test_it_prints_the_token_alone(self) -> None:
        user = make_user()
        said = Said("createtoken", "ada", "--name", "laptop")
        row = Token.objects.get()
        assert said.out.count("\n") == 1
        assert Token.objects.find(said.out.strip()) == row
        assert (row.user, row.name) == (user, "laptop")

    def test_each_call_makes_another(self) -> None:
        make_user()
        assert Said("createtoken", "ada").out != Said("createtoken", "ada").out

    def test_for_whom_there_is_none(self) -> None:
        User.objects.create_user("gone", is_active=False)
        for name, said in (("nobody", "There is no user named 'nobody'."), ("gone", "not active")):
            found = Said("createtoken", name)
            assert (found.code, found.out) == (2, "")
            assert said in found.refusal
        assert not Token.objects.exists()


# --- prune ------------------------------------------------------------------------------------


class TestPrune:
    def test_it_goes_on_until_nothing_is_left(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from jobs.lifecycle import retention

        monkeypatch.setattr(retention.prune, "__defaults__", (2,))
        for _ in range(5):
            finished_long_ago()
        kept = make_job(status=Status.SUCCEEDED)
        said = Said("prune")
        assert said.out == "Deleted 5 rows. Finished jobs are kept 30 days.\n"
        assert Job.objects.get() == kept
        assert Said("prune").out.startswith("Deleted 0 rows.")


# --- doctor -----------------------------------------------------------------------------------


@pytest.fixture
def healthy() -> None:
    make_consumer(["default", "mail"])


def findings(grade: str, said: Said) -> list[str]:
    lines = [line.split(maxsplit=1) for line in said.out.splitlines()]
    return [told for found, told in lines if found == grade]


@pytest.mark.usefixtures("healthy")
class TestDoctor:
    def test_a_healthy_desk(self) -> None:
        make_job(status=Status.SUCCEEDED)
        said = Said("doctor")
        assert (said.code, findings("problem", said), findings("note", said)) == (0, [], [])
        for part in ("declarations", "data folder", "database", "broker", "1 consumer"):
            assert part in said.out

    def one_problem(self) -> str:
        said = Said("doctor")
        assert said.code == 1
        (found,) = findings("problem", said)
        assert said.refusal == "1 problem found."
        return found

    def test_a_wrong_setting(self, settings: Any) -> None:
        settings.JOBS = {**settings.JOBS, "LEASE": 3}
        assert "JOBS['LEASE'] is not a setting" in self.one_problem()

    def test_a_data_folder_that_cannot_be_written(
        self, tmp_path: Path, jobs_setting: Callable[..., None]
    ) -> None:
        (tmp_path / "file").write_text("", encoding="utf-8")
        jobs_setting(DATA_DIR=tmp_path / "file")
        assert "cannot be written" in self.one_problem()

    def test_little_room(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(diagnosis, "LEAST_SPACE", 10**18)
        assert "That is little." in self.one_problem()

    def test_a_database_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*args: Any) -> None:
            raise DatabaseError("unable to open database file")

        monkeypatch.setattr(diagnosis, "MigrationExecutor", away)
        assert self.one_problem() == "The database says: unable to open database file"

    def test_migrations_that_are_missing_or_unknown(self) -> None:
        from django.db.migrations.recorder import MigrationRecorder

        rows = MigrationRecorder.Migration.objects
        rows.create(app="jobs", name="9999_future")
        assert "newer than this code: it has 9999_future" in self.one_problem()
        rows.filter(name="9999_future").delete()
        rows.filter(app="sessions").delete()
        assert "1 migration not applied. Run: python manage.py migrate" in self.one_problem()

    def test_a_broker_that_does_not_work(self, jobs_setting: Callable[..., None]) -> None:
        jobs_setting(BROKER_URL="carrier-pigeon://")
        assert "carrier-pigeon" in self.one_problem()

    def test_no_consumer_at_all(self) -> None:
        from jobs.models import Consumer

        Consumer.objects.all().delete()
        assert self.one_problem() == "No consumer runs. Start one: python manage.py runconsumers"

    def test_a_queue_that_nobody_serves(self) -> None:
        make_job(queue="left-over")
        found = self.one_problem()
        assert "No consumer serves the queue left-over (1 job waiting)." in found
        assert "runconsumers --queues left-over" in found

    def test_a_job_left_waiting_beside_an_idle_consumer(self) -> None:
        long_ago = timezone.now() - timedelta(minutes=5)
        job = make_job(created_at=long_ago)
        found = self.one_problem()
        assert str(job.pk) in found
        assert "has waited in default for 5 m" in found

    @pytest.mark.parametrize("reason", ["busy", "paused", "fresh", "came due", "handed back"])
    def test_a_job_that_waits_for_a_reason(self, reason: str) -> None:
        from jobs import lifecycle
        from jobs.models import Attempt, Consumer

        now = timezone.now()
        long_ago = now - timedelta(minutes=5)
        job = make_job(created_at=now if reason == "fresh" else long_ago)
        if reason == "busy":
            for _ in range(8):
                make_job(status=Status.RUNNING, consumer_id=Consumer.objects.get().pk)
        elif reason == "paused":
            lifecycle.set_paused("default", True)
        elif reason == "came due":
            Job.objects.filter(pk=job.pk).update(run_after=now)
        elif reason == "handed back":
            Attempt.objects.create(job=job, number=1, ended_at=now, outcome=Ending.RELEASED)
        said = Said("doctor")
        assert (said.code, findings("problem", said)) == (0, [])
        assert bool(findings("note", said)) == (reason == "paused")

    def test_a_job_that_should_have_come_due(self) -> None:
        make_job(status=Status.SCHEDULED, run_after=timezone.now() - timedelta(minutes=5))
        assert "overdue by 5 m" in self.one_problem()

    def test_running_jobs_that_nobody_runs(self) -> None:
        silent = make_consumer(["default"], beat_at=timezone.now() - timedelta(hours=1))
        dead = make_consumer(dead_at=timezone.now())
        for consumer in (silent, dead):
            make_job(status=Status.RUNNING, consumer_id=consumer.pk)
        make_job(status=Status.RUNNING)
        said = Said("doctor")
        (found,) = findings("problem", said)
        assert found.startswith("3 running jobs held by no living consumer.")
        assert ["silent" in told for told in findings("note", said)] == [True]

    def test_quarantine_is_worth_knowing(self) -> None:
        QuarantinedMessage.objects.create(queue="q", broker="redis", reason="none of ours")
        said = Said("doctor")
        assert (said.code, findings("note", said)) == (
            *(0, ["1 message in quarantine; the admin shows them."]),
        )
