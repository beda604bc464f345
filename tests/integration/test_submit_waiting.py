"""``manage.py submit --wait``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from jobs.core.states import AttemptOutcome, Status
from jobs.management.commands import submit as module
from jobs.management.wait_for_job import wait_for
from jobs.models import Job
from tests.factories import end, make_artifact, make_consumer, record, take_one
from tests.integration.api_tasks import ADD
from tests.integration.command_output import CommandOutput

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_tasks", "no_jobs")]


class TestWait:
    @pytest.fixture
    def ending(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """Set how the job ends while the command waits."""

        def finish_with(ending: AttemptOutcome = AttemptOutcome.SUCCEEDED, **fields: Any) -> None:
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
        said = CommandOutput("submit", *words)
        assert json.loads(said.out) == {"a": ["é", None]}
        assert said.code == 0
        assert str(Job.objects.get().pk) in said.err
        assert Job.objects.get().kwargs == {"n": 7, "m": 1}

    @pytest.mark.parametrize(
        ("ending_kind", "message"),
        [
            (AttemptOutcome.FAILED, "failed: ValueError: no"),
            (AttemptOutcome.CANCELLED, "was cancelled: "),
        ],
    )
    def test_a_job_that_did_not_succeed(
        self, ending_kind: AttemptOutcome, message: str, ending: Callable[..., None]
    ) -> None:
        ending(ending_kind, error_type="ValueError", message="no", traceback="Traceback...")
        said = CommandOutput("submit", ADD, "n=1", "--wait")
        assert (said.code, said.out) == (1, "")
        assert message in said.error
        assert "Traceback" not in said.error

    def test_a_large_result_comes_from_its_file(
        self, ending: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def waited(job_id: Any, seconds: float) -> Job:
            end(take_one(), result=None)
            job = Job.objects.get(pk=job_id)
            make_artifact(job, "result.json", b'["large", "\xc3\xa9"]')
            return job

        monkeypatch.setattr(module, "wait_for", waited)
        words = ("submit", ADD, "n=1", "--wait")
        assert json.loads(CommandOutput(*words).out) == ["large", "é"]
        assert json.loads(CommandOutput(*words, "--json").out)["result"] == ["large", "é"]

    def test_json_is_the_job_however_it_ends(self, ending: Callable[..., None]) -> None:
        ending(result=[8])
        said = CommandOutput("submit", ADD, "n=7", "--wait", "--json")
        job = json.loads(said.out)
        assert (said.code, job["status"], job["result"]) == (0, "succeeded", [8])
        ending(AttemptOutcome.FAILED, error_type="ValueError", message="no")
        said = CommandOutput("submit", ADD, "n=7", "--wait", "--json")
        job = json.loads(said.out)
        assert (said.code, job["error"]) == (1, {"type": "ValueError", "message": "no"})
        for words, code in ((["--json"], 0), (["--json", "--wait", "0"], 3)):
            said = CommandOutput("submit", ADD, "n=7", *words)
            assert (said.code, json.loads(said.out)["status"]) == (code, "queued")

    def test_a_console_that_takes_ascii_only(
        self, ending: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ending(result="é")
        monkeypatch.setattr(module, "prints_unicode", lambda: False)
        assert CommandOutput("submit", ADD, "n=1", "--wait").out == '"\\u00e9"\n'

    def test_time_out(self) -> None:
        said = CommandOutput("submit", ADD, "n=1", "--wait", "0")
        assert (said.code, said.out) == (3, "")
        assert "has not finished within 0 s; it goes on." in said.error
        assert Job.objects.get().status == Status.QUEUED

    def test_it_warns_that_no_consumer_serves_the_queue(self) -> None:
        submit = ("submit", ADD, "n=1", "--wait", "0")
        assert "runconsumers --queues default" in CommandOutput(*submit).err
        make_consumer()
        assert "runconsumers" not in CommandOutput(*submit).err

    def test_ctrl_c_leaves_the_job_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*args: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(module, "wait_for", interrupted)
        said = CommandOutput("submit", ADD, "n=1", "--wait")
        assert said.code == 130
        assert "goes on" in said.error

    def test_the_pause_between_reads_grows(self) -> None:
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
        said = CommandOutput("submit", ADD, "n=1", "--wait")
        assert said.code == 1
        assert "was deleted" in said.error
