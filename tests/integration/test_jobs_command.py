"""``manage.py jobs list`` and ``show``."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.api import schemas
from jobs.api.serializers import job_json
from jobs.core.states import AttemptOutcome, Status
from jobs.core.times import local
from jobs.management.jobs_command import list as module
from jobs.models import Attempt, Job, LogChunk
from tests.factories import make_artifact, make_consumer, make_job, make_user
from tests.integration.command_output import CommandOutput

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]


def listed(*words: str) -> list[str]:
    """The ids that are listed."""
    said = CommandOutput("jobs", "list", *words)
    assert said.code == 0, said.error
    return [line.split("\t")[0] for line in said.out.splitlines()]


class TestList:
    def test_each_job_is_a_line_of_fields_on_a_pipe(self) -> None:
        user = make_user()
        job = make_job(
            owner=user, status=Status.FAILED, error_type="ValueError", error_message="a\tb\n\x1b[2J"
        )
        for words in (["jobs"], ["jobs", "list"]):
            (line,) = CommandOutput(*words).out.splitlines()
            fields = line.split("\t")
            assert fields[:5] == [str(job.pk), "failed", "testapp.square", "default", "ada"]
            submitted = local(job.created_at).isoformat(sep=" ", timespec="seconds")
            assert fields[5] == submitted
            assert submitted[-6] in "+-"
            assert fields[7] == "ValueError: a b [2J"

    def test_the_filters(self) -> None:
        now = timezone.now()
        old = make_job(created_at=now - timedelta(hours=3))
        failed = make_job(status=Status.FAILED, queue="mail", task="testapp.hold")
        owned = make_job(owner=make_user(is_active=False), status=Status.RUNNING)
        everything = [str(job.pk) for job in (owned, failed, old)]
        moment = (now - timedelta(hours=1)).isoformat()
        assert listed() == everything
        assert listed("--status", "failed") == listed("--queue", "mail") == [str(failed.pk)]
        assert listed("--task", "testapp.hold") == [str(failed.pk)]
        assert listed("--status", "failed,queued") == [str(failed.pk), str(old.pk)]
        assert listed("--owner", "ada") == [str(owned.pk)]
        assert listed("--since", "2h") == listed("--since", moment) == everything[:2]
        assert listed("--until", "2h") == listed("--until", moment) == everything[2:]
        assert listed("--since", "2h", "--queue", "mail", "--limit", "1") == [str(failed.pk)]

    def test_it_goes_through_all_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "ROWS_A_PAGE", 2)
        monkeypatch.setattr(module, "DEFAULT_LIMIT", 3)
        keys = [str(make_job().pk) for _ in range(5)][::-1]
        assert listed("--limit", "0") == listed("--limit", "0", "--status", "queued") == keys
        assert listed("--limit", "4") == keys[:4]
        said = CommandOutput("jobs", "--limit", "3")
        assert (said.out.count("\n"), said.err) == (3, "The newest 3; --limit 0 lists all.\n")

    def test_none(self) -> None:
        said = CommandOutput("jobs", "list", "--status", "failed")
        assert (said.code, said.out, said.err) == (0, "", "No job matches.\n")

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (["--status", "broken"], "--status takes scheduled, queued, running"),
            (["--status", ","], "--status is empty."),
            (["--task", "testapp.sqare"], "There is no task named 'testapp.sqare'. Did you mean"),
            (["--queue", "mial"], "There is no queue named 'mial'. Known: default, mail."),
            (["--owner", "bob"], "There is no user named 'bob'."),
        ],
    )
    def test_a_name_that_is_not_known(self, words: list[str], error: str) -> None:
        said = CommandOutput("jobs", "list", *words)
        assert (said.code, said.out) == (2, "")
        assert said.error.startswith(error)

    @pytest.mark.parametrize(
        ("words", "error"),
        [
            (["--since", "tomorrow"], "give a date and time such as 2030-01-31T09:00, or an age"),
            (["--since", "2030-02-30"], "give a date and time"),
            (["--until", "999999999d"], "give a date and time"),
            (["--limit", "-1"], "give a whole number from 0, not '-1'"),
            (["--limit", "x"], "give a whole number from 0"),
        ],
    )
    def test_a_value_that_is_none(self, words: list[str], error: str) -> None:
        assert error in CommandOutput("jobs", "list", *words).error

    def test_json_is_the_job_of_the_api_with_its_owner(self) -> None:
        user = make_user()
        for status in Status:
            make_job(status=status, owner=user, error_type="E" if status == "failed" else "")
        job = make_job(progress_done=1.0, progress_total=4.0, progress_message="é")
        make_artifact(job)
        lines = CommandOutput("jobs", "list", "--json").out.splitlines()
        for line, row in zip(lines, Job.objects.all(), strict=True):
            said = json.loads(line)
            expected: Any = {**job_json(row, row.artifacts.all()), "owner": said["owner"]}
            del expected["links"]
            for artifact in expected["artifacts"]:
                del artifact["url"]
            assert said == expected
        assert said["owner"] == "ada"
        assert set(said) - {"owner"} == set(schemas.Job.__annotations__) - {"links"}


class TestShow:
    def test_all_there_is_to_know(self) -> None:
        job = make_job(status=Status.FAILED, error_type="ValueError", error_message="no\x1b[2J")
        Attempt.objects.create(
            job=job,
            number=1,
            consumer="here:7",
            ended_at=timezone.now(),
            outcome=AttemptOutcome.FAILED,
            error_type="ValueError",
            message="no",
            traceback="Traceback:\n  line 1",
        )
        LogChunk.objects.create(job=job, start=0, text="first\nsecond\x1b[2J\n")
        Job.objects.update(log_size=17)
        said = CommandOutput("jobs", "show", str(job.pk)).out
        for part in (
            f"id:          {job.pk}\n",
            "status:      failed\n",
            'arguments:   {"n": 7}\n',
            "error:       ValueError: no [2J\n",
            "failures:    0 of 3\n",
            "on here:7, ValueError: no\n",
            "\nTraceback:\n  line 1\n",
            "\nfirst\nsecond [2J\n",
        ):
            assert part in said
        assert "\x1b" not in said

    def test_why_it_waits(self) -> None:
        job = make_job()
        assert (
            "No consumer serves the queue default." in CommandOutput("jobs", "show", job.pk.hex).out
        )
        make_consumer()
        assert (
            "waits:       It is the next to run.\n"
            in CommandOutput("jobs", "show", str(job.pk)).out
        )

    def test_json_has_the_attempts(self) -> None:
        job = make_job(status=Status.SUCCEEDED, result={"a": 1})
        Attempt.objects.create(
            job=job, number=1, ended_at=timezone.now(), outcome=AttemptOutcome.SUCCEEDED
        )
        said = json.loads(CommandOutput("jobs", "show", str(job.pk), "--json").out)
        assert (said["id"], said["result"]) == (str(job.pk), {"a": 1})
        assert [(one["number"], one["outcome"]) for one in said["attempts"]] == [(1, "succeeded")]

    def test_an_id_that_is_none_and_one_that_does_not_exist(self) -> None:
        said = CommandOutput("jobs", "show", "latest")
        assert (said.code, said.error[:22]) == (2, "'latest' is no job id,")
        key = "0190e1f2-5b6a-7c3d-8e4f-0123456789ab"
        said = CommandOutput("jobs", "show", key)
        assert (said.code, said.error) == (1, f"There is no job {key}.")
