"""``POST /jobs/bulk``: each line judged by itself, or all or none."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator

from jobs import lifecycle
from jobs.api.ndjson import LineSplitter, parse_line
from jobs.api.openapi import document
from jobs.api.problems import ApiError
from jobs.api.strict_json import parse
from jobs.api.views import bulk as view
from jobs.compat import task_enqueued
from jobs.core.server_threads import requests_in_progress
from jobs.core.states import Status
from jobs.models import Job, UploadUse
from jobs.submission import backlog
from tests.factories import make_upload
from tests.integration.api_client import Api
from tests.integration.api_tasks import ADD, READ, SECRET
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db
BULK = "/api/v1/jobs/bulk"
NDJSON = "application/x-ndjson"
Setting = Callable[..., None]
Answers = dict[int, Any]


def line(n: object = 1, **more: Any) -> bytes:
    return json.dumps({"task": ADD, "args": {"n": n}, **more}).encode()


def answers_of(response: Any) -> Answers:
    """Return the lines of an answer by number; each is what the document says."""
    assert response.status_code == 200, b"".join(response)
    assert response.headers["Content-Type"] == NDJSON
    spec = document([])
    schema = {**spec["components"]["schemas"]["BulkLine"], "components": spec["components"]}
    found = [json.loads(one) for one in b"".join(response.streaming_content).splitlines()]
    for one in found:
        Draft202012Validator(schema).validate(one)
        assert ("id" in one) != ("problem" in one)
    assert [one["line"] for one in found] == sorted({one["line"] for one in found})
    return {one["line"]: one for one in found}


def send(api: Api, lines: Iterable[bytes], query: str = "", **more: Any) -> Any:
    body = b"\n".join(lines) + b"\n"
    return api.post(BULK + query, body, content_type=NDJSON, **more)


def bulk(api: Api, lines: Iterable[bytes], query: str = "", **more: Any) -> Answers:
    return answers_of(send(api, lines, query, **more))


def statuses(answers: Answers) -> list[int]:
    return [one["problem"]["status"] if "problem" in one else 202 for one in answers.values()]


# --- each line by itself ----------------------------------------------------------------------


def test_each_line_becomes_a_job_in_order(api: Api, ada: User) -> None:
    answers = bulk(api, [line(n) for n in range(5)])
    jobs = list(Job.objects.order_by("id"))
    assert [answers[number] for number in range(1, 6)] == [
        {"line": number, "id": str(job.id)} for number, job in enumerate(jobs, 1)
    ]
    assert [job.kwargs["n"] for job in jobs] == [0, 1, 2, 3, 4]
    assert {(job.owner_id, job.status) for job in jobs} == {(ada.pk, Status.QUEUED)}
    positions = [job.fair_position for job in jobs]
    assert positions == sorted(set(positions))


def test_a_job_of_a_line_equals_one_submitted_alone(api: Api) -> None:
    options = {"priority": -3, "max_attempts": 2, "queue": "mail", "unique_key": "a\u00e9"}
    later = {"run_after": "2999-01-01T00:00:00Z"}
    for more in ({}, options, later):
        alone = Job.objects.get(pk=api.submit(ADD, args={"n": 1}, **more).json()["id"])
        Job.objects.update(status=Status.SUCCEEDED)
        many = Job.objects.get(pk=bulk(api, [line(**more)])[1]["id"])
        differing = {"id", "created_at", "fair_position", "status", "request_id"}
        for field in Job._meta.concrete_fields:
            if field.name not in differing:
                assert getattr(many, field.attname) == getattr(alone, field.attname), field.name
        assert many.status == (Status.SCHEDULED if more is later else Status.QUEUED)


def test_what_does_not_fit_keeps_no_other_line_out(api: Api, jobs_setting: Setting) -> None:
    jobs_setting(MAX_BODY=500)
    lines = [
        line(1),
        b"{no json",
        b'{"task": "nothing.here", "args": {}}',
        line("seven"),
        b"[1, 2]",
        b'{"task": "' + b"x" * 20_000_000 + b'"}',
        json.dumps({"task": SECRET}).encode(),
        line(1, priority=500),
        line(1, colour="red"),
        b'{"task": 7}',
        line(1, queue="nowhere"),
        b'{"task": "' + ADD.encode() + b'", "args": {"n": 1, "n": 2}}',
        b'{"task": "' + ADD.encode() + b'", "args": {"n": NaN}}',
        b"\xff\xfe",
        b'{"task": "' + ADD.encode() + b'", "args": {"n": "\\u0000"}}',
        line(2),
    ]
    answers = bulk(api, lines)
    expected = [202, 400, 404, 422, 422, 413, 403, 422, 422, 422, 422, 400, 400, 400, 422, 202]
    assert statuses(answers) == expected
    assert answers[3]["problem"]["nearest"] == api.submit("nothing.here").json()["nearest"]
    assert answers[4]["problem"]["errors"][0]["pointer"] == "/args/n"
    assert [job.kwargs["n"] for job in Job.objects.order_by("id")] == [1, 2]


@pytest.mark.parametrize(
    "text",
    [
        b"{no json",
        b'{"task": "nothing.here"}',
        b"[]",
        b'{"task": 7}',
        line("seven"),
        line("7"),
        line(True),
        line(1.5),
        b'{"task": "' + ADD.encode() + b'", "args": {"n" : 1, "n": 2}}',
        b'{"task" : "' + ADD.encode() + b'", "task": "other"}',
        line(1, priority=500),
        line(1, run_after="tomorrow"),
        line(1, unique_key=""),
        line(1, unique_key="k" * 201),
        line(1, queue="nowhere"),
        b'{"task": "a", "task": "b"}',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'{"args": {}}',
    ],
)
def test_a_line_gets_the_problem_that_it_gets_alone(api: Api, text: bytes) -> None:
    alone = api.post("/api/v1/jobs", text)
    assert bulk(api, [text])[1]["problem"] == alone.json()


def test_empty_lines_are_counted_and_not_answered(api: Api) -> None:
    answers = bulk(api, [b"", line(1), b"", b"   \r", line(2) + b"\r"])
    assert list(answers) == [2, 5]
    assert Job.objects.count() == 2
    assert answers_of(api.post(BULK, b"\n", content_type=NDJSON)) == {}
    assert list(answers_of(api.post(BULK, line(3), content_type=NDJSON))) == [1]


def test_many_lines_are_inserted_in_batches(api: Api) -> None:
    with CaptureQueriesContext(connection) as queries:
        answers = bulk(api, [line(n) for n in range(2500)])
    assert len(answers) == Job.objects.count() == 2500
    inserts = [one["sql"] for one in queries if one["sql"].startswith("INSERT INTO jobs_job")]
    assert len(inserts) == 3
    assert len([one for one in queries if "SAVEPOINT" not in one["sql"]]) <= 25


def test_unique_keys_are_unique_within_a_bulk_and_beyond(api: Api) -> None:
    first = api.submit(ADD, args={"n": 1}, unique_key="a").json()["id"]
    keys = ("b", "a", "b", "c")
    answers = bulk(api, [line(n, unique_key=key) for n, key in enumerate(keys)])
    assert answers[2] == {"line": 2, "id": first, "created": False}
    assert answers[3] == {"line": 3, "id": answers[1]["id"], "created": False}
    assert "created" not in answers[4]
    assert Job.objects.count() == 3
    # One that has finished makes room for another.
    Job.objects.update(status=Status.SUCCEEDED)
    assert "created" not in bulk(api, [line(1, unique_key="a")])[1]


def test_a_bulk_with_a_key_can_be_repeated(api: Api, bob: User) -> None:
    key = {"Idempotency-Key": "k"}
    lines = [line(n) for n in range(4)]
    first = bulk(api, lines[:2], headers=key)
    again = bulk(api, lines, headers=key)
    assert [again[number]["id"] for number in (1, 2)] == [first[1]["id"], first[2]["id"]]
    assert [again[number].get("created", True) for number in again] == [False, False, True, True]
    changed = bulk(api, [line(9), lines[1]], headers=key)
    assert changed[1]["problem"]["status"] == 409
    assert changed[2]["id"] == first[2]["id"]
    rest = bulk(api, lines[2:], "?first_line=3", headers=key)
    assert {number: one["id"] for number, one in rest.items()} == {
        number: again[number]["id"] for number in (3, 4)
    }
    assert Job.objects.count() == 4
    bulk(Api(bob), lines, headers=key)
    assert Job.objects.count() == 8


def test_files_are_kept_for_the_jobs_of_their_lines(api: Api, ada: User, bob: User) -> None:
    own, other = make_upload(ada), make_upload(bob)
    lines = [
        json.dumps({"task": READ, "args": {"log": {"upload": str(one.pk)}}}).encode()
        for one in (own, other)
    ]
    answers = bulk(api, lines)
    assert statuses(answers) == [202, 422]
    assert str(UploadUse.objects.get().job_id) == answers[1]["id"]


def test_the_signal_is_sent_for_what_is_inserted(api: Api) -> None:
    received: list[object] = []

    def listen(task_result: Any, **more: object) -> None:
        received.append((task_result.id, task_result.kwargs))

    task_enqueued.connect(listen)
    try:
        answers = bulk(api, [line(n, unique_key=str(n % 2)) for n in range(3)])
    finally:
        task_enqueued.disconnect(listen)
    assert [one[0] for one in received] == [answers[1]["id"], answers[2]["id"]]  # type: ignore[index]


# --- limits -----------------------------------------------------------------------------------


def test_the_lines_after_the_last_one_with_room_are_told_where_to_go_on(
    api: Api, jobs_setting: Setting
) -> None:
    jobs_setting(MAX_BACKLOG=1203)
    lines = [line(n) for n in range(3000)]
    lines[3] = b"{"
    answers = bulk(api, lines)
    assert len(answers) == 3000
    assert statuses(answers) == [202] * 3 + [400] + [202] * 1200 + [429] * 1796
    for number in (1205, 1206, 3000):
        problem = answers[number]["problem"]
        assert problem["resume_from"] == 1205
        assert problem["retry_after"] > 0
        assert problem["type"].endswith("#queue-full")
    assert Job.objects.count() == 1203
    assert Job.objects.order_by("-id")[0].kwargs["n"] == 1203


def test_what_is_there_already_needs_no_room(api: Api, jobs_setting: Setting) -> None:
    jobs_setting(MAX_BACKLOG=2)
    key = {"Idempotency-Key": "k"}
    lines = [line(n) for n in range(3)]
    assert statuses(bulk(api, lines, headers=key)) == [202, 202, 429]
    answers = bulk(api, lines, headers=key)
    assert statuses(answers) == [202, 202, 429]
    assert answers[3]["problem"]["resume_from"] == 3


def test_a_quota_of_the_user_stops_a_bulk_as_well(
    api: Api, bob: User, jobs_setting: Setting
) -> None:
    jobs_setting(USER_MAX_PER_MINUTE=2)
    answers = bulk(api, [line(n) for n in range(4)])
    assert statuses(answers) == [202, 202, 429, 429]
    assert answers[4]["problem"]["type"].endswith("#quota-exceeded")
    assert statuses(bulk(Api(bob), [line()])) == [202]


def test_who_has_used_up_their_quota_leaves_others_theirs(
    api: Api, bob: User, jobs_setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "FRESH_SECONDS", 60.0)
    jobs_setting(USER_MAX_PER_MINUTE=1100)  # more than is counted for each submission
    assert statuses(bulk(api, [line(n) for n in range(1101)]))[1099:] == [202, 429]
    assert statuses(bulk(api, [line()])) == [429]
    assert statuses(bulk(Api(bob), [line()])) == [202]


def test_a_database_that_is_away_leaves_nothing_half_done(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = lifecycle.insert_groups, []

    def fails_at_the_second(groups: Any) -> Any:
        calls.append(groups)
        if len(calls) == 2:
            raise OperationalError("database is locked")
        return real(groups)

    monkeypatch.setattr(lifecycle, "insert_groups", fails_at_the_second)
    answers = bulk(api, [line(n) for n in range(2500)])
    assert statuses(answers) == [202] * 1000 + [503] * 1500
    assert {one["problem"]["resume_from"] for one in list(answers.values())[1000:]} == {1001}
    assert Job.objects.count() == 1000


def test_a_fault_of_ours_is_a_500_from_its_line_on(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(lifecycle, "insert_groups", broken)
    answers = bulk(api, [b"{", line(1), line(2)])
    assert statuses(answers) == [400, 500, 500]
    assert answers[3]["problem"]["resume_from"] == 2
    assert "a bug" in caplog.text


# --- all or none ------------------------------------------------------------------------------


def test_all_or_none(api: Api, jobs_setting: Setting) -> None:
    wrong = send(api, [line(1), b"{", line("x"), line(2)], "?atomic=1")
    assert wrong.status_code == 422
    assert [one["pointer"] for one in wrong.json()["errors"]] == ["/2", "/3/args/n"]
    assert not Job.objects.exists()
    assert list(bulk(api, [line(n) for n in range(1500)], "?atomic=1")) == list(range(1, 1501))
    jobs_setting(MAX_BACKLOG=1502)
    refused = send(api, [line(n) for n in range(5)], "?atomic=1")
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert Job.objects.count() == 1500


def test_all_or_none_with_keys(api: Api) -> None:
    key = {"Idempotency-Key": "k"}
    first = bulk(api, [line(1), line(2)], "?atomic=1", headers=key)
    again = bulk(api, [line(1), line(2)], "?atomic=1", headers=key)
    assert [one["id"] for one in again.values()] == [one["id"] for one in first.values()]
    other = send(api, [line(1), line(3), line(4)], "?atomic=1", headers=key)
    assert other.status_code == 409
    assert Job.objects.count() == 2


def test_all_or_none_takes_a_limited_number_of_lines(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "MOST_ATOMIC", 1500)
    assert send(api, [line()] * 2100, "?atomic=1").status_code == 413
    assert not Job.objects.exists()


# --- the request ------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["?atomic=yes", "?first_line=0", "?first_line=a", "?atomic="])
def test_a_query_that_does_not_fit_is_a_422(api: Api, query: str) -> None:
    response = send(api, [line()], query)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"].strip("/") in query
    assert not Job.objects.exists()


def test_a_body_of_another_type_is_a_415(api: Api) -> None:
    response = api.post(BULK, line(), content_type="application/json")
    assert response.status_code == 415
    assert response.headers["Accept-Post"] == NDJSON


def test_a_body_over_the_limit_is_a_413(api: Api, jobs_setting: Setting) -> None:
    jobs_setting(MAX_UPLOAD=1000)
    assert send(api, [line()] * 100).status_code == 413
    assert not Job.objects.exists()


def test_without_a_credential_it_is_a_401(api: Api) -> None:
    assert Client().post(BULK, line(), NDJSON).status_code == 401
    assert send(api, [line()], headers={"Idempotency-Key": "k" * 241}).status_code == 400


def test_who_goes_away_ends_it_after_the_batch_that_was_answered(api: Api) -> None:
    response = send(api, [line(n) for n in range(5000)])
    pieces = response.streaming_content
    heard = next(pieces).splitlines() + next(pieces).splitlines()
    response._iterator.close()  # as ``response.close()``, but for the connection of this test
    assert list(pieces) == []
    assert len(heard) == Job.objects.count() == 2000


def test_batches_are_smaller_while_others_are_served(api: Api) -> None:
    pieces = send(api, [line(n) for n in range(4000)]).streaming_content
    counts = []
    for others in (0, 0, 1, 2, 0):
        for _ in range(others):
            with requests_in_progress:
                pass
        counts.append(next(pieces).count(b"\n"))
    assert counts == [1000, 1000, 250, 250, 1000]


# --- a body that is not there yet -------------------------------------------------------------


class Coming:
    """The input of a request under a WSGI server that waits for as much as it is asked for."""

    def __init__(self) -> None:
        self._come: SimpleQueue[bytes | Exception] = SimpleQueue()
        self._rest = b""
        self._has_ended = False

    def send(self, data: bytes | Exception) -> None:
        self._come.put(data)

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and not self._has_ended:
            data = self._come.get(timeout=20)
            if isinstance(data, Exception):
                raise data
            self._has_ended = not data
            self._rest += data
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    readline = read  # Django wants to see one


def coming(api: Api, *begun: bytes) -> tuple[Coming, Iterator[bytes]]:
    """Begin a bulk; return its input, and the pieces of its answer that have something in them."""
    source = Coming()
    for data in begun:
        source.send(data)
    environ: dict[str, Any] = {
        "wsgi.input": source,
        "wsgi.input_terminated": True,
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_AUTHORIZATION": f"Bearer {api.token}",
        "CONTENT_TYPE": NDJSON,
        "PATH_INFO": BULK,
        "REQUEST_METHOD": "POST",
    }
    response: Any = Client().request(**environ)
    assert response.status_code == 200, response.content
    return source, filter(None, response.streaming_content)


def padded(n: object = 1) -> bytes:
    return line(n).ljust(1023) + b"\n"


def test_lines_are_answered_before_the_last_one_has_come(api: Api) -> None:
    source, pieces = coming(api, padded(0))
    for number in range(1, 4):
        assert json.loads(next(pieces))["line"] == number
        assert Job.objects.count() == number
        source.send(padded(number))
    source.send(line(4) + b"\n" + line(5))
    source.send(b"")
    rest = [json.loads(one) for one in b"".join(pieces).splitlines()]
    assert [one["line"] for one in rest if "id" in one] == [4, 5, 6]
    assert [job.kwargs["n"] for job in Job.objects.order_by("id")] == [0, 1, 2, 3, 4, 5]


def test_a_body_that_is_cut_off_records_what_was_answered_and_nothing_else(api: Api) -> None:
    source, pieces = coming(api, padded(0))
    assert b'"id"' in next(pieces)
    source.send(line(1) + b"\n" + line(2)[:-1])
    source.send(OSError("the client has left"))
    last = [json.loads(one) for one in b"".join(pieces).splitlines()]
    assert [one["line"] for one in last] == [2]
    assert last[0]["problem"]["status"] == 400
    assert last[0]["problem"]["resume_from"] == 2
    assert Job.objects.count() == 1


def test_a_body_that_grows_over_the_limit_is_refused_at_that_line(
    api: Api, jobs_setting: Setting
) -> None:
    jobs_setting(MAX_UPLOAD=1500)
    source, pieces = coming(api, padded(0))
    assert b'"id"' in next(pieces)
    source.send(padded(1))
    (last,) = [json.loads(one) for one in b"".join(pieces).splitlines()]
    assert (last["problem"]["status"], last["problem"]["resume_from"]) == (413, 2)
    assert Job.objects.count() == 1


def test_after_the_line_without_room_a_cut_is_not_told_again(
    api: Api, jobs_setting: Setting
) -> None:
    jobs_setting(MAX_BACKLOG=1)
    source, pieces = coming(api, padded(0), padded(1), padded(2))
    source.send(OSError("the client has left"))
    found = [json.loads(one) for one in b"".join(pieces).splitlines()]
    assert {one["problem"]["resume_from"] for one in found if "problem" in one} in ({2}, {1})


def test_who_goes_away_leaves_no_thread_that_reads(api: Api) -> None:
    source, pieces = coming(api, padded(0))
    assert b'"id"' in next(pieces)
    del pieces
    source.send(padded(1))
    source.send(b"")
    wait_until(
        lambda: not [one for one in threading.enumerate() if one.name == "body"],
        what="the thread ends",
    )


@pytest.mark.django_db(transaction=True)
def test_an_asgi_server_sends_the_answer_as_it_goes(api: Api) -> None:
    headers, body = {"Authorization": f"Bearer {api.token}"}, [line(n) for n in range(2500)]

    async def pieces() -> list[bytes]:
        response: Any = await AsyncClient().post(BULK, b"\n".join(body), NDJSON, headers=headers)
        assert response.status_code == 200, response.content
        return [piece async for piece in response.streaming_content]

    assert [piece.count(b"\n") for piece in async_to_sync(pieces)()] == [1000, 1000, 500]
    assert Job.objects.count() == 2500


# --- parsing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_the_same_in_whatever_pieces_they_come(size: int) -> None:
    data = b"a\nbcdef\n\nghijk\nlmnopq\n" + b"r" * 50 + b"\ns\nt"
    splitter = LineSplitter(5)
    found = [
        one for at in range(0, len(data), size) for one in splitter.feed(data[at : at + size])
    ] + splitter.end()
    assert found == [b"a", b"bcdef", b"", b"ghijk", None, None, b"s", b"t"]
    assert splitter.end() == []


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "b": [{"c": "x:y"}, {"d": {"e": null}}]}',
        b'{"a" : 1}',
        b'{"a": "\\u00e9", "b": "\\n"}',
        b'{"a": 1, "a": 2}',
        b'{"a" : 1, "a": 2}',
        b'{"a"\t:1,"a":2,"b":"x:y"}',
        b'{"a":":x","b":"http://example.org/"}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a":{"b":[{"c":1.5},":"],"d":{}},"e":[]}',
        b'{"a":{"b":[{"c":1,"c":2}]}}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":[' + b"[" * 101 + b"]" * 101 + b"]}",
        b'{"a": Infinity}',
        b'{"a": 1e400}',
        b'{"a": "\\ud800"}',
        b"[" * 101 + b"]" * 101,
        b'{"a": "' + b"\x00" + b'"}',
        b"12345678901234567890",
        b"1" * 5000,
        b"",
        b"{} {}",
    ],
)
def test_the_quick_way_reads_what_the_strict_one_reads(text: bytes) -> None:
    def result(read: Callable[[bytes], Any]) -> object:
        try:
            return read(text)
        except ApiError as error:
            return (error.kind, str(error), error.errors)

    assert result(parse_line) == result(parse)
