"""GET /jobs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from jobs import lifecycle
from jobs.core.states import Status
from jobs.core.uuid7 import uuid7
from jobs.models import Artifact, Job
from jobs.queries.job_list import indexes
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD, FREE


def make(owner: User | None, count: int = 1, **values: Any) -> list[Job]:
    """Record jobs, the oldest first."""
    rows = [
        Job(**{"id": uuid7(), "task": ADD, "module_path": "x", "owner": owner, **values})
        for _ in range(count)
    ]
    return Job.objects.bulk_create(rows)


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [item["id"] for item in response.json()["items"]]


def following(response: Any) -> str | None:
    """The address of the next page."""
    found = re.fullmatch(r'<([^>]+)>; rel="next"', response.headers.get("Link", ""))
    return found[1] if found else None


def test_the_newest_come_first_and_only_ones_own(api: Api, ada: User, bob: User) -> None:
    first, second = make(ada, 2)
    make(bob)
    assert ids(api.get(JOBS)) == [str(second.pk), str(first.pk)]


def test_staff_see_all(ada: User, bob: User, chief: User) -> None:
    make(ada)
    make(bob)
    assert len(ids(Api(chief).get(JOBS))) == 2


def test_a_page_leads_to_the_next_until_all_are_seen(api: Api, ada: User) -> None:
    rows = make(ada, 5)
    make(ada, 2, task=FREE)
    seen: list[str] = []
    path: str | None = f"{JOBS}?limit=2&task={ADD}"
    while path is not None:
        response = api.get(path)
        assert len(ids(response)) <= 2
        seen += ids(response)
        path = following(response)
    assert seen == [str(row.pk) for row in reversed(rows)]


def test_a_job_submitted_between_two_pages_is_not_seen_twice(api: Api, ada: User) -> None:
    rows = make(ada, 4)
    first = api.get(f"{JOBS}?limit=2")
    make(ada, 3)
    path = following(first)
    assert path is not None
    assert ids(first) + ids(api.get(path)) == [str(row.pk) for row in reversed(rows)]


def test_a_page_that_is_just_full_has_no_next(api: Api, ada: User) -> None:
    make(ada, 2)
    assert following(api.get(f"{JOBS}?limit=2")) is None


@pytest.mark.parametrize(("limit", "shown"), [("", 50), ("&limit=60", 60), ("&limit=9999", 200)])
def test_the_size_of_a_page(api: Api, ada: User, limit: str, shown: int) -> None:
    make(ada, 201)
    assert len(ids(api.get(f"{JOBS}?q={limit}"))) == shown


def test_a_page_costs_three_reads_however_long(
    api: Api, ada: User, django_assert_num_queries: Any
) -> None:
    for job in make(ada, 20, attempt=1):
        Artifact.objects.create(job=job, attempt=1, name="a.txt", size=1, file="x")
    make(ada)  # it has not run, and so has no files
    with django_assert_num_queries(3) as seen:  # the token, the jobs, the files of all of them
        response = api.get(JOBS)
    newest, *others = response.json()["items"]
    assert newest["artifacts"] == []
    assert all(item["artifacts"][0]["name"] == "a.txt" for item in others)
    assert "COUNT(" not in "".join(query["sql"] for query in seen.captured_queries)


def test_by_status(api: Api, ada: User) -> None:
    rows = {status: make(ada, status=status)[0] for status in Status.values}
    for status, row in rows.items():
        assert ids(api.get(f"{JOBS}?status={status}")) == [str(row.pk)]
    both = [str(rows["failed"].pk), str(rows["queued"].pk)]
    assert sorted(ids(api.get(f"{JOBS}?status=failed,queued"))) == sorted(both)
    assert sorted(ids(api.get(f"{JOBS}?status=failed&status=queued"))) == sorted(both)


def test_by_task_and_queue(api: Api, ada: User) -> None:
    wanted = make(ada, task=FREE, queue="mail")[0]
    make(ada, task=FREE)
    make(ada, queue="mail")
    assert ids(api.get(f"{JOBS}?task={FREE}&queue=mail")) == [str(wanted.pk)]
    assert ids(api.get(f"{JOBS}?queue=nowhere")) == []


def test_searching_by_the_beginning_of_an_id(api: Api, ada: User) -> None:
    rows = make(ada, 3)
    text = str(rows[1].pk)
    for part in (text, text[:-1], text.upper(), text.replace("-", "")):
        assert ids(api.get(f"{JOBS}?q={part}")) == [text]
    assert len(ids(api.get(f"{JOBS}?q={text[:9]}"))) == 3
    assert ids(api.get(f"{JOBS}?q={text[1:]}")) == []


def test_searching_by_a_part_of_the_tasks_name(api: Api, ada: User) -> None:
    row = make(ada, task=FREE)[0]
    gone = make(ada, task="old.Forgotten")[0]
    assert ids(api.get(f"{JOBS}?q=ANYTHING")) == [str(row.pk)]
    assert ids(api.get(f"{JOBS}?q=forgot")) == [str(gone.pk)]
    assert ids(api.get(f"{JOBS}?q=%25")) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=-1", "/limit"),
        ("limit=x", "/limit"),
        ("limit=%C2%B2", "/limit"),
        ("status=odd", "/status"),
        ("status=queued,odd", "/status"),
        ("cursor=x", "/cursor"),
        ("cursor=5-x&sort=finished_at", "/cursor"),
        ("cursor=01990a5d-ac96-774b-bcce-b302099a8057&sort=finished_at", "/cursor"),
        ("cursor=5-01990a5dac96774bbcceb302099a8057", "/cursor"),
        ("cursor=999999999999999999-01990a5dac96774bbcceb302099a8057&sort=-finished_at", "/cursor"),
        ("sort=created_at", "/sort"),
        ("sort=-priority", "/sort"),
        ("sort=id&sort=-id", "/sort"),
        ("fields=id,colour", "/fields"),
        ("fields=", "/fields"),
        ("include=links", "/include"),
        ("created_after=2026-05-01T12:00:00", "/created_after"),
        ("created_before=2026-05-01T12:00:00+02:00", "/created_before"),
        ("finished_after=2026-05-01", "/finished_after"),
        ("finished_before=1746100800", "/finished_before"),
        ("created_after=2026-02-30T12:00:00Z", "/created_after"),
        ("created_after=2026-05-01T12:00:00Z&created_after=2026-05-02T12:00:00Z", "/created_after"),
        ("task=a&task=b", "/task"),
        ("arg.n=1&arg.n=2", "/arg.n"),
        ("arg.n-1=1", "/arg.n-1"),
        ("arg.a.b=1", "/arg.a.b"),
        (f"task={ADD}&arg.number=1", "/arg.number"),
        ("arg.=1", "/arg."),
        ("arg=1", "/arg"),
        ("arg.NAME.x=1", "/arg.NAME.x"),
        ("args.n=1", "/args.n"),
    ],
)
def test_a_bad_parameter_is_named_by_its_pointer(api: Api, query: str, pointer: str) -> None:
    response = api.get(f"{JOBS}?{query}")
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize("text", ["%00", "%FF", "'", "x" * 5000, "%F0%9F%98%80", "f" * 33])
def test_an_odd_search_finds_nothing(api: Api, ada: User, text: str) -> None:
    make(ada)
    for name in ("q", "task", "queue"):
        assert ids(api.get(f"{JOBS}?{name}={text}")) == []


def moment(job: Job, **delta: float) -> str:
    """A time near that of its submission, in another zone, as an address has it."""
    zone = timezone.get_fixed_timezone(330)
    return quote((job.created_at + timedelta(**delta)).astimezone(zone).isoformat())


def test_by_the_time_of_submission(api: Api, ada: User) -> None:
    first, second = make(ada), make(ada)
    Job.objects.filter(pk=first[0].pk).update(created_at=F("created_at") - timedelta(seconds=9))
    (early,), (late,) = ((Job.objects.get(pk=one.pk),) for one in (*first, *second))
    assert ids(api.get(f"{JOBS}?created_after={moment(late)}")) == [str(late.pk)]
    assert ids(api.get(f"{JOBS}?created_after={moment(late, microseconds=1)}")) == []
    assert ids(api.get(f"{JOBS}?created_before={moment(late)}")) == [str(early.pk)]
    span = f"created_after={moment(early)}&created_before={moment(late, seconds=1)}"
    assert ids(api.get(f"{JOBS}?{span}&sort=id")) == [str(early.pk), str(late.pk)]


def test_by_the_time_of_the_end(api: Api, ada: User) -> None:
    now = timezone.now()
    make(ada)
    ended = [
        make(ada, status=Status.SUCCEEDED, finished_at=now - timedelta(hours=hours))[0]
        for hours in (1, 3, 2)
    ]
    by_end = [str(ended[place].pk) for place in (0, 2, 1)]
    assert ids(api.get(f"{JOBS}?sort=-finished_at")) == by_end
    assert ids(api.get(f"{JOBS}?sort=finished_at")) == by_end[::-1]
    since = quote((now - timedelta(hours=2)).isoformat())
    assert ids(api.get(f"{JOBS}?finished_after={since}&sort=-finished_at")) == by_end[:2]
    assert ids(api.get(f"{JOBS}?finished_before={since}")) == by_end[2:]


@pytest.mark.parametrize("time", ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_of_which_a_database_knows_nothing(api: Api, ada: User, time: str) -> None:
    make(ada)
    time = quote(time)
    assert len(ids(api.get(f"{JOBS}?created_after={time}"))) == 1
    assert ids(api.get(f"{JOBS}?created_before={time}&finished_before={time}")) == []
    assert ids(api.get(f"{JOBS}?created_after=9999-12-31T23:59:59.9999999-12:00")) == []


def test_a_plus_that_was_not_written_as_it_must_be_is_explained(api: Api) -> None:
    response = api.get(f"{JOBS}?created_after=2026-05-01T12:00:00+02:00")
    assert "%2B" in response.json()["errors"][0]["detail"]


def test_by_owner_for_staff_alone(api: Api, ada: User, bob: User, chief: User) -> None:
    (hers,), (his,), (nobodys,) = make(ada), make(bob), make(None)
    assert ids(Api(chief).get(f"{JOBS}?owner=bob")) == [str(his.pk)]
    assert len(ids(Api(chief).get(JOBS))) == 3
    assert ids(Api(chief).get(f"{JOBS}?owner=chief")) == []
    assert ids(api.get(f"{JOBS}?owner=ada")) == [str(hers.pk)]
    for name in ("bob", "nobody-has-this-name"):
        assert api.get(f"{JOBS}?owner={name}").status_code == 403
    response = Api(chief).get(f"{JOBS}?owner=bill")
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/owner"
    assert str(nobodys.pk) not in ids(api.get(JOBS))


def test_by_error(api: Api, ada: User) -> None:
    wanted = make(ada, status=Status.FAILED, error_type="ValueError")[0]
    again = make(ada, status=Status.SCHEDULED, error_type="ValueError")[0]
    make(ada, status=Status.FAILED, error_type="Timeout")
    make(ada)
    path = f"{JOBS}?error_type=ValueError"
    assert ids(api.get(path)) == [str(again.pk), str(wanted.pk)]
    assert ids(api.get(f"{path}&status=failed")) == [str(wanted.pk)]


def test_by_an_argument(api: Api, ada: User) -> None:
    seven, text = make(ada, kwargs={"n": 7})[0], make(ada, kwargs={"n": "7"}, task="gone")[0]
    make(ada, kwargs={"m": 7}), make(ada, kwargs={"n": 8})
    assert ids(api.get(f"{JOBS}?arg.n=7")) == [str(text.pk), str(seven.pk)]
    assert ids(api.get(f"{JOBS}?arg.n=7.0&task={ADD}")) == [str(seven.pk)]
    assert ids(api.get(f"{JOBS}?arg.n=7&arg.m=7")) == []
    assert ids(api.get(f"{JOBS}?arg.old_name=7&task=gone")) == []


def test_a_page_that_stops_before_its_end_leads_on(
    api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "MOST_READ", 3)
    wanted = make(ada, kwargs={"n": 1})[0]
    make(ada, 5)
    first = api.get(f"{JOBS}?arg.n=1")
    assert (ids(first), first.json()["more"]) == ([], True)
    path = following(first)
    assert path is not None
    second = api.get(path)
    assert ids(second) == [str(wanted.pk)]


def test_a_member_is_shown_when_it_is_asked_for(api: Api, ada: User) -> None:
    job = make(ada, kwargs={"n": 7}, status=Status.SUCCEEDED, result=49)[0]
    path = f"{JOBS}?fields"
    assert api.get(f"{path}=status,id").json()["items"] == [
        {"id": str(job.pk), "status": "succeeded"}
    ]
    assert api.get(f"{path}=task&fields=result").json()["items"] == [
        {"id": str(job.pk), "task": ADD, "result": 49}
    ]
    assert api.get(f"{path}=id&include=args").json()["items"] == [
        {"id": str(job.pk), "args": {"n": 7}}
    ]


def test_what_is_not_shown_is_not_read(api: Api, ada: User, django_assert_num_queries: Any) -> None:
    make(ada, 3, attempt=1)
    with django_assert_num_queries(2) as seen:  # the token and the jobs
        api.get(f"{JOBS}?fields=id,status")
    assert not re.search("kwargs|result", seen.captured_queries[1]["sql"])
    with django_assert_num_queries(4) as seen:  # the token, how far, the jobs, their files
        api.get(f"{JOBS}?queue=default&include=args")
    assert "kwargs" in seen.captured_queries[2]["sql"]
    assert "COUNT(" not in "".join(query["sql"] for query in seen.captured_queries)


def test_a_list_that_has_not_changed_costs_its_rows_alone(
    api: Api, ada: User, django_assert_num_queries: Any
) -> None:
    make(ada, 3, attempt=1)
    etag = api.get(JOBS).headers["ETag"]
    assert re.fullmatch('"[0-9a-f]{32}"', etag)
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        with django_assert_num_queries(2):  # the token and the jobs
            response = api.get(JOBS, headers={"If-None-Match": known})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["ETag"] == etag


def test_a_tag_covers_all_that_a_list_is_made_of(api: Api, ada: User) -> None:
    job = make(ada, 3)[0]
    queries = ["", "limit=1", "limit=2", "sort=id", "fields=id", "include=args", "status=queued"]
    tags = {query: api.get(f"{JOBS}?{query}").headers["ETag"] for query in queries}
    assert len({*tags.values()}) == len(queries)
    lifecycle.cancel_job(job.pk, "ada")
    assert {query: api.get(f"{JOBS}?{query}").headers["ETag"] for query in ("", "limit=1")} == {
        "": api.get(JOBS).headers["ETag"],
        "limit=1": tags["limit=1"],  # the job is on the next page
    }
    assert api.get(JOBS).headers["ETag"] != tags[""]
    before = api.get(f"{JOBS}?limit=3").headers["ETag"]
    Job.objects.exclude(pk=job.pk).first().delete()  # type: ignore[union-attr]
    assert api.get(f"{JOBS}?limit=3").headers["ETag"] != before
    before = api.get(f"{JOBS}?limit=2").headers["ETag"]
    Job.objects.filter(pk=job.pk).delete()
    assert api.get(f"{JOBS}?limit=2").headers["ETag"] != before


def test_the_same_tag_for_the_same_jobs_of_two_users(api: Api, ada: User, chief: User) -> None:
    make(ada)
    before = Api(chief).get(JOBS).headers["ETag"]
    assert api.get(JOBS).headers["ETag"] == before
    make(None)
    assert Api(chief).get(JOBS).headers["ETag"] != before
    assert api.get(JOBS, headers={"If-None-Match": before}).status_code == 304


def test_pages_follow_each_other_in_every_order(api: Api, ada: User) -> None:
    now = timezone.now()
    rows = make(ada, 7, status=Status.FAILED, finished_at=now)  # all at the same moment
    in_order = [str(row.pk) for row in rows]
    for sort, expected in (("finished_at", in_order), ("-finished_at", in_order[::-1])):
        seen: list[str] = []
        path: str | None = f"{JOBS}?limit=2&sort={sort}"
        while path is not None:
            response = api.get(path)
            assert response.json()["more"] == ("Link" in response.headers)
            seen += ids(response)
            path = following(response)
        assert seen == expected


def test_a_job_in_a_list_is_shown_as_by_itself(api: Api, ada: User) -> None:
    due = timezone.now() + timedelta(days=1)
    job = make(ada, run_after=due, status=Status.SCHEDULED)[0]
    lifecycle.cancel_job(job.pk, "ada")
    whole = api.get(f"{JOBS}/{job.pk}").json()
    assert api.get(f"{JOBS}?include=args,result").json()["items"] == [whole]
    del whole["args"], whole["result"]
    assert api.get(JOBS).json()["items"] == [whole]
