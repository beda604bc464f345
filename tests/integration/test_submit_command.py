"""``manage.py submit``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from jobs.errors import NotAllowed
from jobs.management.commands import submit as module
from jobs.models import Job, Upload
from tests.factories import make_staff, make_user
from tests.integration.api_tasks import ADD, READ, SECRET
from tests.integration.command_output import CommandOutput

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]


class TestSubmit:
    def test_it_prints_the_id_alone(self) -> None:
        said = CommandOutput("submit", ADD, "n=7")
        job = Job.objects.get()
        assert (said.out, said.err, said.code) == (f"{job.pk}\n", "", 0)
        assert (job.kwargs, job.owner) == ({"n": 7, "m": 1}, None)

    def test_options_of_the_job(self) -> None:
        make_staff("ada", "change_job")
        CommandOutput(
            *("submit", ADD, "--user", "ada", "n=1", "--queue=mail", "--priority", "-9", "m=2"),
            *("--max-attempts", "7", "--unique-key", "k", "--run-after", "2030-01-31T09:00+02:00"),
        )
        job = Job.objects.get()
        assert (job.queue, job.priority, job.max_attempts, job.unique_key) == ("mail", -9, 7, "k")
        assert job.run_after == datetime(2030, 1, 31, 7, tzinfo=UTC)
        assert (job.kwargs, str(job.owner)) == ({"n": 1, "m": 2}, "ada")

    def test_a_time_without_a_zone_is_in_the_sites(self, settings: Any) -> None:
        settings.TIME_ZONE = "Asia/Tokyo"
        timezone.activate("Asia/Tokyo")
        CommandOutput("submit", ADD, "n=1", "--run-after", "2030-01-31T09:00")
        timezone.deactivate()
        assert Job.objects.get().run_after == datetime(2030, 1, 31, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (
                ["tests.add_number"],
                "There is no task named 'tests.add_number'. Did you mean tests.add_numbers",
            ),
            ([ADD], "/n: It is required."),
            ([ADD, "n=x"], "/n: It must be a whole number."),
            ([ADD, "n=1", "z=2"], "/z: There is no argument of this name."),
            ([ADD, "n"], "Write key=value, not 'n'."),
            ([ADD, "n=1", "n=2"], "/n: It is given twice."),
            ([ADD, "n=1", "--queue", "nowhere"], "There is no queue named 'nowhere'."),
            ([ADD, "n=1", "--priority", "101"], "It must be a whole number from -100 to 100."),
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
    def test_bad_input_is_one_sentence(self, words: list[str], said: str) -> None:
        found = CommandOutput("submit", *words)
        assert (found.code, found.out) == (2, "")
        assert said in found.error
        assert "\n" not in found.error
        assert not Job.objects.exists()

    def test_limits_hold_for_a_user_and_not_for_the_operator(self) -> None:
        make_user()
        for words, said in (
            ((SECRET,), "You may not hand in"),
            ((ADD, "n=1", "--priority", "6"), "You may lower it, not raise it above 5."),
        ):
            found = CommandOutput("submit", *words, "--user", "ada")
            assert found.code == 2
            assert said in found.error
            assert CommandOutput("submit", *words).code == 0

    def test_no_file_is_stored_for_an_inactive_user(self, tmp_path: Path) -> None:
        user = make_user()
        user.is_active = False
        user.save()
        (tmp_path / "a.log").write_text("x", encoding="utf-8")
        said = CommandOutput("submit", READ, f"log=@{tmp_path / 'a.log'}", "--user", "ada")
        assert (said.code, Upload.objects.count()) == (2, 0)
        assert "not active" in said.error

    def test_no_file_is_stored_without_the_permission(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: Any) -> None:
            raise NotAllowed("You may not.")

        make_user()
        monkeypatch.setattr(module, "require_permission", refuse)
        (tmp_path / "a.log").write_text("x", encoding="utf-8")
        said = CommandOutput("submit", READ, f"log=@{tmp_path / 'a.log'}", "--user", "ada")
        assert (said.code, said.error, Upload.objects.count()) == (2, "You may not.", 0)

    def test_a_file_is_uploaded(self, tmp_path: Path) -> None:
        user = make_user()
        path = tmp_path / "access 1.log"
        path.write_bytes(b"x" * 3_000_000)
        CommandOutput("submit", READ, f"log=@{path}", "--user", "ada")
        upload = Upload.objects.get()
        assert (upload.name, upload.size, upload.owner) == ("access 1.log", 3_000_000, user)
        assert Job.objects.get().kwargs["log"] == {"upload": str(upload.pk)}

    def test_a_file_over_the_limit(self, tmp_path: Path, jobs_setting: Callable[..., None]) -> None:
        jobs_setting(MAX_UPLOAD=10)
        (tmp_path / "a.log").write_text("x" * 11, encoding="utf-8")
        said = CommandOutput("submit", READ, f"log=@{tmp_path / 'a.log'}")
        assert (said.code, said.error) == (2, "The upload is over the limit of 10 bytes.")

    def test_a_unique_job_that_is_there_already(self) -> None:
        first = CommandOutput("submit", ADD, "n=1", "--unique-key", "k")
        again = CommandOutput("submit", ADD, "n=1", "--unique-key", "k")
        assert again.out == first.out
        assert "has this unique key already" in again.err

    def test_a_database_that_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def away(*args: Any, **kwargs: Any) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(module, "submit_job", away)
        said = CommandOutput("submit", ADD, "n=1")
        assert said.code == 69
        assert said.error.startswith("The database cannot be used: database is locked. Look at")
