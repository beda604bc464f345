"""What the client does with one job: submission, waiting, result, retry, log."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from jobs import client
from jobs.api import schemas
from jobs.client import job_flows
from jobs.client.arguments import Options, encoded
from jobs.client.job_fields import JobFields
from jobs.core.states import Status
from tests.unit.client_world import LOST, SITE, World, answer, job, problem, sent

NOTHING = Options()


def submit(world: World, options: Options = NOTHING, **arguments: Any) -> Any:
    return world.run(job_flows.submit(SITE, "app.square", arguments, options))


def test_a_lost_answer_is_asked_for_by_the_same_key() -> None:
    world = World(LOST, problem(503), answer(202, job("queued")))
    assert submit(world, n=7)["id"] == "j1"
    keys = {request.headers["Idempotency-Key"] for request in world.requests}
    assert len(world.requests) == 3
    assert len(keys) == 1
    other = World(answer(202, job("queued")))
    submit(other, n=7)
    assert other.requests[0].headers["Idempotency-Key"] not in keys


def test_options_go_beside_the_arguments() -> None:
    when = datetime(2026, 5, 1, 12, tzinfo=UTC)
    options = Options("slow", 0, when, 3, "u", "my-key")
    world = World(answer(202, job("queued")))
    submit(world, options, n=7, queue="of the task")
    (request,) = world.requests
    assert request.headers["Idempotency-Key"] == "my-key"
    assert sent(request) == {
        "task": "app.square",
        "args": {"n": 7, "queue": "of the task"},
        "queue": "slow",
        "priority": 0,
        "run_after": "2026-05-01T12:00:00+00:00",
        "max_attempts": 3,
        "unique_key": "u",
    }


def test_values_that_json_has_no_form_of() -> None:
    value = [date(2026, 5, 1), Decimal("1.10"), UUID(int=1), Status.QUEUED, {"a"}, ("b",)]
    text = b'["2026-05-01","1.10","00000000-0000-0000-0000-000000000001","queued",["a"],["b"]]'
    assert encoded(value) == text
    with pytest.raises(TypeError, match=r"io\.BytesIO"):
        encoded({"data": b"bytes"})
    with pytest.raises(TypeError, match="object has no form"):
        encoded(object())
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoded(float("nan"))


def test_files_are_uploaded_wherever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"first")
    opened = io.BytesIO(b"..second")
    opened.seek(2)
    uploads = [answer(201, {"id": f"u{n}"}) for n in range(2)]
    world = World(*uploads, answer(202, job("queued")))
    submit(world, text="a.log", files=[path, {"more": opened}])
    first, second, submission = world.requests
    assert (first.path, first.query, first.content) == ("uploads", {"name": "a.log"}, b"first")
    assert second.content == b"second", "from where the file was"
    files = [{"upload": "u0"}, {"more": {"upload": "u1"}}]
    assert sent(submission)["args"] == {"text": "a.log", "files": files}
    assert not opened.closed


def test_a_file_that_is_not_there_or_is_text(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        submit(World(), file=tmp_path / "missing")
    with pytest.raises(TypeError, match="binary mode"):
        submit(World(), file=io.StringIO("text"))


def wait(world: World, timeout: float | None = None) -> Any:
    return world.run(job_flows.wait(SITE, "j1", timeout))


def test_waiting_lets_the_site_wait() -> None:
    unfinished = answer(200, job("running"), preference_applied="wait=20")
    world = World(unfinished, LOST, unfinished, answer(200, job()))
    assert wait(world)["status"] == "succeeded"
    assert [request.headers["Prefer"] for request in world.requests] == ["wait=20"] * 4
    assert world.requests[0].wait == 20
    assert len(world.pauses) == 1, "after the connection that was lost"


def test_waiting_where_too_many_wait() -> None:
    world = World(answer(200, job("queued"), retry_after="5"), answer(200, job()))
    assert wait(world)["status"] == "succeeded"
    assert world.pauses == [5]


@pytest.mark.parametrize("timeout", [0, 0.5, 30, 45])
def test_waiting_ends_with_the_time(timeout: float) -> None:
    def reply(request: Any) -> Any:
        world.clock += request.wait
        return answer(200, job("running"), preference_applied="x", retry_after="1")

    world = World(reply)
    start = world.clock
    with pytest.raises(client.TimedOut, match=f"Job j1 is running after {timeout:g} s"):
        wait(world, timeout)
    assert timeout <= world.clock - start <= timeout + 0.1
    assert len(world.requests) < 20


def test_a_site_that_is_away_for_longer_than_one_waits() -> None:
    world = World(LOST)
    with pytest.raises(client.TimedOut, match="did not answer"):
        wait(world, 5)
    with pytest.raises(client.Unavailable):
        wait(World(LOST))


def result(world: World) -> Any:
    return world.run(job_flows.result(SITE, "j1", None))[1]


def test_results() -> None:
    assert result(World(answer(200, job()))) == 49
    assert result(World(answer(200, job(result=None)))) is None
    large = job(result=None, artifacts=[{"name": "result.json", "size": 100_000}])
    world = World(answer(200, large), answer(200, [1, 2]))
    assert result(world) == [1, 2]
    assert world.requests[1].path == "jobs/j1/artifacts/result.json"


def test_jobs_without_a_result() -> None:
    failed = job("failed", error={"type": "ValueError", "message": "no"})
    with pytest.raises(client.JobFailed, match=r"ValueError: no \(job j1\)") as caught:
        result(World(answer(200, failed)))
    assert (caught.value.type, caught.value.message) == ("ValueError", "no")
    with pytest.raises(client.JobCancelled, match="It was cancelled"):
        result(World(answer(200, job("cancelled"))))


def retry(*replies: Any) -> tuple[Any, World]:
    world = World(*replies)
    return world.run(job_flows.retry(SITE, "j1")), world


def test_a_retry_whose_answer_is_lost_is_not_repeated() -> None:
    before = answer(200, job("failed", finished_at="1"))
    # It was done, and the job has failed again since.
    found, world = retry(before, LOST, answer(200, job("failed", finished_at="2")))
    assert found["finished_at"] == "2"
    assert [request.method for request in world.requests] == ["GET", "POST", "GET"]
    # It was not done.
    found, world = retry(before, LOST, before, answer(202, job("queued")))
    assert found["status"] == "queued"
    # It was refused for now.
    found, world = retry(before, problem(503), before, answer(202, job("queued")))
    assert [request.method for request in world.requests] == ["GET", "POST", "GET", "POST"]
    with pytest.raises(client.Conflict):
        retry(answer(200, job(finished_at="1")), problem(409))


def test_a_log_is_read_to_its_end() -> None:
    pieces = [
        answer(200, "gr\u00fc\u00df\n".encode(), x_next_offset="5"),
        answer(200, b"more", x_next_offset="9"),
        answer(200, b"", x_next_offset="9"),
    ]
    world = World(*pieces)
    assert world.run(job_flows.read_log(SITE, "j1")) == "gr\u00fc\u00df\nmore"
    assert [request.query["offset"] for request in world.requests] == [0, 5, 9]


def test_every_member_of_a_job_is_an_attribute() -> None:
    members = set(schemas.Job.__annotations__) - {"result", "links"}
    assert {name for name in members if not hasattr(JobFields, name)} == set()
    data = {"created_at": "2026-05-01T12:00:00Z", "error": {"type": "T", "message": "m"}}
    found = JobFields({**job("failed", **data), "artifacts": [{"name": "a", "size": 3, "url": ""}]})
    assert found.created_at == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert found.error == ("T", "m")
    assert found.artifacts == [("a", 3)]
    assert found.is_finished
    assert found.cursor is None
    assert JobFields(job()) == found
    assert len({JobFields(job()), found}) == 1


def test_what_is_not_known_yet_says_so() -> None:
    with pytest.raises(AttributeError, match=r"refresh\(\) first"):
        _ = JobFields({"id": "j1", "task": "t"}).status
    assert repr(JobFields({"id": "j1", "task": "t"})) == "<JobFields j1 t ?>"
