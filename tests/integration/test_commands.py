"""``manage.py createtoken``, ``revoketoken``, ``doctor`` and ``prune``."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, OperationalError, ProgrammingError, connection
from django.utils import timezone

from jobs import lifecycle
from jobs.consumer import consumer_lock, prune_pace
from jobs.core.states import AttemptOutcome, Status
from jobs.core.uuid7 import uuid7
from jobs.management.doctor import environment
from jobs.models import Consumer, Job, QuarantinedMessage, Token
from tests.factories import finished_long_ago, make_consumer, make_job, make_user
from tests.integration.api_tasks import ADD
from tests.integration.command_output import CommandOutput

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]


class TestCreateToken:
    def test_it_prints_the_token_alone(self) -> None:
        user = make_user()
        said = CommandOutput("createtoken", "ada", "--name", "laptop")
        row = Token.objects.get()
        assert said.out.count("\n") == 1
        assert Token.objects.find(said.out.strip()) == row
        assert (row.user, row.name) == (user, "laptop")

    def test_json_has_the_user_and_the_name_as_well(self) -> None:
        make_user()
        said = json.loads(CommandOutput("createtoken", "ada", "--name", "ci", "--json").out)
        assert (said["user"], said["name"]) == ("ada", "ci")
        assert Token.objects.find(said["token"]) == Token.objects.get()

    def test_each_call_makes_another(self) -> None:
        make_user()
        assert CommandOutput("createtoken", "ada").out != CommandOutput("createtoken", "ada").out

    def test_an_unknown_or_inactive_user_gets_none(self) -> None:
        User.objects.create_user("gone", is_active=False)
        for name, said in (("nobody", "There is no user named 'nobody'."), ("gone", "not active")):
            found = CommandOutput("createtoken", name)
            assert (found.code, found.out) == (2, "")
            assert said in found.error
        assert not Token.objects.exists()


# --- what tokens may do -----------------------------------------------------------------------


class TestTokenOptions:
    def test_scopes_tasks_queues_and_the_end(self) -> None:
        make_user()
        said = CommandOutput(
            *("createtoken", "ada", "--scope", "submit, read", "--tasks", ADD),
            *("--queues", "mail,default", "--expires", "30d"),
        )
        assert said.code == 0
        row = Token.objects.get()
        assert (row.scopes, row.tasks, row.queues) == ("read,submit", ADD, "default,mail")
        assert row.expires_at is not None
        assert timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)

    @pytest.mark.parametrize(
        ("option", "value", "said"),
        [
            ("--scope", "reed", "--scope: There is no scope 'reed'. Known: read, submit"),
            ("--scope", "", "--scope: Give 1 to 100 names"),
            ("--tasks", f"{ADD}s", f"Did you mean {ADD}"),
            ("--queues", "nowhere", "--queues: There is no queue named 'nowhere'"),
            ("--expires", "a month", "--expires: Give a time such as 90m, 12h or 30d"),
        ],
    )
    def test_what_does_not_fit(self, option: str, value: str, said: str) -> None:
        make_user()
        found = CommandOutput("createtoken", "ada", option, value)
        assert (found.code, found.out) == (2, "")
        assert said in found.error
        assert not Token.objects.exists()


class TestRevokeToken:
    def test_by_id(self) -> None:
        user = make_user()
        first, second, third = (Token.objects.issue(user, name)[0] for name in ("a", "b", ""))
        said = CommandOutput("revoketoken", str(first.pk), str(third.pk))
        expected = f"Revoked token {first.pk} of ada: a\nRevoked token {third.pk} of ada\n"
        assert (said.code, said.out) == (0, expected)
        assert list(Token.objects.all()) == [second]

    def test_by_text_on_standard_input(self, monkeypatch: pytest.MonkeyPatch) -> None:
        user = make_user()
        texts = [Token.objects.issue(user)[1] for _ in range(2)]
        Token.objects.issue(user, "stays")
        monkeypatch.setattr("sys.stdin", StringIO("\n".join(texts) + "\n\n"))
        said = CommandOutput("revoketoken", "-")
        assert said.code == 0
        assert not any(text in said.out for text in texts)
        assert [token.name for token in Token.objects.all()] == ["stays"]

    def test_by_user_and_name(self) -> None:
        ada = make_user(is_active=False)
        for name in ("ci", "ci", "laptop"):
            Token.objects.issue(ada, name)
        Token.objects.issue(make_user("bob"), "ci")
        look = CommandOutput("revoketoken", "--user", "ada", "--name", "ci", "--dry-run")
        assert look.out.count("Would revoke") == 2
        assert Token.objects.count() == 4
        CommandOutput("revoketoken", "--user", "ada", "--name", "ci")
        assert sorted(Token.objects.values_list("user__username", "name")) == [
            ("ada", "laptop"),
            ("bob", "ci"),
        ]
        said = CommandOutput("revoketoken", "--user", "ada", "--json")
        assert json.loads(said.out)["name"] == "laptop"

    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            ([], 2, "Give ids"),
            (["1", "--user", "ada"], 2, "Give ids"),
            (["--name", "ci"], 2, "Give ids"),
            (["jd_text"], 2, "standard input"),
            (["--user", "nobody"], 2, "no user named"),
            (["--user", "ada", "--name", "none"], 1, "no such token"),
            (["{id}", "999999"], 1, "no token with the id 999999. None was revoked."),
            (["{id}", "9" * 30], 2, "named by its id"),
        ],
    )
    def test_nothing_is_revoked_where_something_is_wrong(
        self, words: list[str], code: int, said: str
    ) -> None:
        token, _ = Token.objects.issue(make_user())
        found = CommandOutput("revoketoken", *(word.format(id=token.pk) for word in words))
        assert (found.code, found.out) == (code, "")
        assert said in found.error
        assert Token.objects.count() == 1


# --- prune ------------------------------------------------------------------------------------


class TestPrune:
    def test_it_deletes_chunk_by_chunk_until_nothing_is_left(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(prune_pace, "FIRST", 2)
        for _ in range(5):
            finished_long_ago()
        kept = make_job(status=Status.SUCCEEDED)
        said = CommandOutput("prune")
        assert said.out == "Deleted 5 rows. Finished jobs are kept 30 days.\n"
        assert Job.objects.get() == kept
        assert CommandOutput("prune").out.startswith("Deleted 0 rows.")

    def test_json_has_the_numbers(self) -> None:
        finished_long_ago()
        said = json.loads(CommandOutput("prune", "--json").out)
        assert said == {"rows": 1, "files": 0, "retention_days": 30}


@pytest.mark.parametrize(
    "words",
    [
        *(["prune"], ["createtoken", "ada"], ["submit", "testapp.square", "n=7"]),
        *(["queues"], ["queues", "pause", "mail"], ["consumers"], ["consumers", "quiet", "--all"]),
    ],
    ids=" ".join,
)
def test_a_database_that_is_away_is_one_sentence_and_exit_code_69(words: list[str]) -> None:
    make_user()

    def away(*args: Any) -> None:
        raise OperationalError("no route to host")

    with connection.execute_wrapper(away):
        said = CommandOutput(*words)
    assert (said.code, said.out) == (69, "")
    assert "no route to host" in said.error
    assert "doctor" not in said.error, "that passes by itself"


def test_a_database_that_does_not_fit_is_for_the_doctor() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE jobs_consumer RENAME TO elsewhere")
    said = CommandOutput("consumers")
    assert said.code == 69
    assert said.error.startswith("The database is not as Jobdesk needs it: ")
    assert said.error.endswith("python manage.py doctor says more.")


FOLDER = "django.core.files.storage.FileSystemStorage"


# --- doctor -----------------------------------------------------------------------------------


@pytest.fixture
def healthy() -> None:
    make_consumer(["default", "mail"])


def findings(grade: str, said: CommandOutput) -> list[str]:
    lines = [line.split(maxsplit=1) for line in said.out.splitlines()]
    return [told for found, told in lines if found == grade]


@pytest.mark.usefixtures("healthy")
class TestDoctor:
    def test_a_healthy_deployment(self) -> None:
        make_job(status=Status.SUCCEEDED)
        said = CommandOutput("doctor")
        assert (said.code, findings("problem", said), findings("note", said)) == (0, [], [])
        for part in ("declarations", "data folder", "database", "broker", "1 consumer"):
            assert part in said.out

    def test_json_has_codes_levels_and_hints(self) -> None:
        said = CommandOutput("doctor", "--json")
        found = json.loads(said.out)
        assert (said.code, found["ok"]) == (0, True)
        assert {one["level"] for one in found["findings"]} == {"ok"}
        assert [one["code"] for one in found["findings"]] == [
            *(
                "settings_and_declarations",
                "data_folder",
                "database",
                "writes",
                "storage",
                "broker",
                "threads",
            ),
            *("consumers", "queues", "queues"),
        ]
        Consumer.objects.all().delete()
        QuarantinedMessage.objects.create(queue="q", broker="redis", reason="none of ours")
        said = CommandOutput("doctor", "--json")
        found = json.loads(said.out)
        assert (said.code, said.error, found["ok"]) == (1, "1 problem found.", False)
        assert found["findings"][-2:] == [
            {
                "code": "no_consumer",
                "level": "problem",
                "text": "No consumer runs.",
                "hint": "Start one: python manage.py runconsumers",
            },
            {
                "code": "messages_quarantined",
                "level": "note",
                "text": "1 message in quarantine; the admin shows them.",
                "hint": "",
            },
        ]

    def one_problem(self) -> str:
        said = CommandOutput("doctor")
        assert said.code == 1
        (found,) = findings("problem", said)
        assert said.error == "1 problem found."
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

    def test_little_free_space(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(environment, "MIN_FREE_BYTES", 10**18)
        assert "That is little." in self.one_problem()

    def test_a_database_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*args: Any) -> None:
            raise DatabaseError("unable to open database file")

        monkeypatch.setattr(environment, "MigrationExecutor", away)
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

    def test_machines_that_do_not_share_files(self, settings: Any, tmp_path: Path) -> None:
        make_consumer(["default"], host="another")
        assert "Consumers run on 2 machines (another, " in self.one_problem()
        folder = {"BACKEND": FOLDER, "OPTIONS": {"location": tmp_path}}
        settings.STORAGES = {**settings.STORAGES, "jobs": folder}
        assert CommandOutput("doctor").code == 0

    def test_a_row_and_a_file_are_written_read_and_gone(self, tmp_path: Path) -> None:
        said = CommandOutput("doctor")
        assert "A job was written to the database, read, changed and deleted again." in said.out
        assert "The storage of files (FileSystemStorage) can be written and read." in said.out
        assert not Job.objects.exists()
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    def test_files_that_cannot_be_stored(self, tmp_path: Path) -> None:
        (tmp_path / "files").write_text("in the way of the folder", encoding="utf-8")
        found = self.one_problem()
        assert found.startswith("The storage of files (FileSystemStorage) cannot be used: ")

    def test_a_row_that_cannot_be_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(job: Job) -> None:
            error = ProgrammingError("permission denied for table jobs_job")
            error.__cause__ = type("Driver", (Exception,), {"sqlstate": "42501"})()
            raise error

        monkeypatch.setattr(lifecycle, "insert_received_job", refused)
        assert self.one_problem() == (
            "The database takes no writes: permission denied for table jobs_job."
        )

    def test_consumers_that_use_another_database(self) -> None:
        """As after a file was replaced under them: they live, and are not in this one."""
        stranger = uuid7()
        lock = consumer_lock.hold(stranger)
        try:
            found = self.one_problem()
            assert found.startswith("1 consumer on this machine not in this database")
            make_consumer(["default", "mail"], id=stranger)
            assert CommandOutput("doctor").code == 0
        finally:
            lock.release()

    def test_no_consumer_at_all(self) -> None:
        from jobs.models import Consumer

        Consumer.objects.all().delete()
        assert self.one_problem() == "No consumer runs. Start one: python manage.py runconsumers"

    def test_a_queue_without_a_consumer(self) -> None:
        make_job(queue="left-over")
        found = self.one_problem()
        assert "No consumer serves the queue left-over (1 job waiting)." in found
        assert "runconsumers --queues left-over" in found

    @pytest.mark.usefixtures("frozen_clock")
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
            Attempt.objects.create(job=job, number=1, ended_at=now, outcome=AttemptOutcome.RELEASED)
        said = CommandOutput("doctor")
        assert (said.code, findings("problem", said)) == (0, [])
        assert bool(findings("note", said)) == (reason == "paused")

    @pytest.mark.usefixtures("frozen_clock")
    def test_a_job_that_should_have_come_due(self) -> None:
        make_job(status=Status.SCHEDULED, run_after=timezone.now() - timedelta(minutes=5))
        assert "overdue by 5 m" in self.one_problem()

    def test_running_jobs_whose_consumer_is_gone(self) -> None:
        silent = make_consumer(["default"], heartbeat_at=timezone.now() - timedelta(hours=1))
        dead = make_consumer(dead_at=timezone.now())
        for consumer in (silent, dead):
            make_job(status=Status.RUNNING, consumer_id=consumer.pk)
        make_job(status=Status.RUNNING)
        said = CommandOutput("doctor")
        (found,) = findings("problem", said)
        assert found.startswith("3 running jobs held by no living consumer.")
        assert ["silent" in told for told in findings("note", said)] == [True]

    def test_quarantine_is_worth_knowing(self) -> None:
        QuarantinedMessage.objects.create(queue="q", broker="redis", reason="none of ours")
        said = CommandOutput("doctor")
        assert (said.code, findings("note", said)) == (
            *(0, ["1 message in quarantine; the admin shows them."]),
        )
