"""The results feed: in the order of ending, nothing skipped, nothing twice, bounded pages."""

from __future__ import annotations

import json
import math
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import lifecycle
from jobs.api.serializers import job_json, root
from jobs.core.states import FINAL, AttemptOutcome, Status
from jobs.feed import BadCursor, Cursor, Page, Selection, StaleCursor, page, parse_cursor, read_page
from jobs.feed import selection as feed_selection
from jobs.models import Job
from jobs.models.feed import FeedClock
from tests.factories import end, make_artifact, make_job, make_user, record, take, take_one

pytestmark = pytest.mark.django_db
ALL = Selection(everyone=True)


def ended(count: int = 1, **fields: Any) -> list[str]:
    """Run so many jobs, one after the other; return their ids."""
    ids = []
    for _ in range(count):
        job = record(**fields)
        assert end(take_one(job.queue))
        ids.append(str(job.pk))
    return ids


def read(after: Cursor | None = None, selection: Selection = ALL, limit: int = 1000) -> Page:
    return read_page(after, selection, limit, root())


def ids(found: Page) -> list[str]:
    return [json.loads(text)["id"] for text, *_ in found.items]


def test_jobs_come_in_the_order_in_which_they_ended() -> None:
    first, second, third = record(), record(), record()
    claims = {claim.id: claim for claim in take(limit=3)}
    for job in (third, first, second):
        assert end(claims[job.pk])
    assert ids(read()) == [str(third.pk), str(first.pk), str(second.pk)]


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_following_next_gives_everything_once(limit: int) -> None:
    expected = ended(5)
    found: list[str] = []
    after = None
    while (one := read(after, limit=limit)).items:
        found += ids(one)
        after = parse_cursor(str(one.next))
    expected += ended(2)
    for _ in range(3):
        one = read(after, limit=limit)
        found += ids(one)
        after = one.next
    assert found == expected


def test_each_item_has_a_cursor_from_which_to_go_on() -> None:
    expected = ended(4)
    found = read()
    for number, item in enumerate(found.items, 1):
        assert ids(read(parse_cursor(str(item.cursor)))) == expected[number:]


def test_jobs_of_one_transaction_are_split_over_pages() -> None:
    jobs = [record() for _ in range(6)]
    claims = take(limit=6)
    with transaction.atomic():
        for claim in claims:
            assert end(claim)
    Job.objects.update(feed_position=7)  # a transaction has one position on PostgreSQL
    found, after = [], None
    while (one := read(after, limit=2)).items:
        found += ids(one)
        after = one.next
    assert sorted(found) == sorted(str(job.pk) for job in jobs)
    assert len(found) == 6


def test_every_way_to_end_is_in_the_feed_and_no_other() -> None:
    record(), record()
    failed, waits = take(limit=2)
    end(failed, AttemptOutcome.FAILED, error_type="E", final=True)
    end(waits, AttemptOutcome.FAILED, error_type="E")
    asked = record(queue="asked")
    running = take_one("asked")
    lifecycle.cancel_job(asked.pk, "ada")
    end(running, AttemptOutcome.RELEASED)
    alone, many = record(queue="w"), record(queue="w")
    lifecycle.cancel_job(alone.pk, "ada")
    assert lifecycle.cancel_waiting_jobs([many.pk], "ada") == [many.pk]
    done = ended()
    assert ids(read()) == [*map(str, (failed.id, asked.pk, alone.pk, many.pk)), *done]
    assert Job.objects.get(pk=waits.id).feed_position is None


def test_a_job_that_is_retried_and_ends_again_appears_again() -> None:
    job = record(max_attempts=1)
    end(take_one(), AttemptOutcome.FAILED, error_type="E")
    other = ended()
    after = read().next
    lifecycle.requeue_job(Job.objects.get(pk=job.pk))
    assert ids(read()) == other  # while it waits, it has not ended
    assert read(after).items == []
    end(take_one())
    [(text, *_)] = read(after).items
    assert (json.loads(text)["id"], json.loads(text)["status"]) == (str(job.pk), "succeeded")
    assert ids(read()) == [*other, str(job.pk)]


def test_a_position_never_comes_again_even_if_the_newest_job_is_gone() -> None:
    ended(3)
    after = read().next
    Job.objects.all().delete()
    expected = ended(2)
    assert ids(read(after)) == expected


def test_a_clock_that_is_set_back_does_not_put_a_job_before_others() -> None:
    ended()
    hour = 3_600_000_000
    Job.objects.update(feed_position=Job.objects.get().feed_position + hour)  # type: ignore[operator]
    FeedClock.objects.all().delete()
    after = read().next
    later = ended()
    assert ids(read(after)) == later


def test_own_jobs_only_and_one_task() -> None:
    ada, bob = make_user(), make_user("bob")
    [a] = ended(owner=ada)
    [b] = ended(owner=bob)
    [c] = ended(owner=ada, task="testapp.other")
    ended()
    assert ids(read(selection=Selection(ada.pk))) == [a, c]
    assert ids(read(selection=Selection(bob.pk))) == [b]
    assert ids(read(selection=Selection(ada.pk, task="testapp.other"))) == [c]
    assert ids(read(selection=Selection(everyone=True, task="testapp.square")))[:2] == [a, b]


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window has three jobs."""
    monkeypatch.setattr(page, "_WINDOW_END", page._WINDOW_END.replace("OFFSET 19999", "OFFSET 2"))


@pytest.mark.usefixtures("small_windows")
def test_a_rare_job_is_found_window_by_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_selection, "FEW", 0)
    ended(7)
    [rare] = ended(task="testapp.rare")
    ended(4)
    selection = Selection(everyone=True, task="testapp.rare")
    found = read(selection=selection)
    assert (ids(found), found.more) == ([rare], True)
    nothing = read(found.next, selection)
    assert (nothing.items, nothing.more) == ([], False)
    monkeypatch.setattr(page, "_SEARCH_SECONDS", -1)
    after, looks = None, 0
    while not (one := read(after, selection)).items:
        assert one.more
        after, looks = one.next, looks + 1
    assert (ids(one), looks) == ([rare], 2)


def test_a_full_page_goes_on_inside_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window has been looked at to its end, and only a part of what was found is shown."""
    monkeypatch.setattr(page, "_WINDOW_END", page._WINDOW_END.replace("OFFSET 19999", "OFFSET 5"))
    expected = []
    for _ in range(4):
        expected += ended(task="testapp.rare")
        ended()
    selection = Selection(everyone=True, task="testapp.rare")
    found: list[str] = []
    after = None
    while (one := read(after, selection, limit=2)).items:
        found += ids(one)
        after = one.next
    assert found == expected


@pytest.mark.parametrize("place", [0, 21, 43])
def test_a_cursor_with_a_wrong_character_is_refused(place: int) -> None:
    ended()
    text = str(read().next)
    other = "A" if text[place] != "A" else "B"
    with pytest.raises(BadCursor):
        parse_cursor(f"{text[:place]}{other}{text[place + 1 :]}")


@pytest.mark.usefixtures("small_windows")
@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_the_few_jobs_of_a_task_or_owner_are_found_at_once(limit: int) -> None:
    ada, expected = make_user(), list[str]()
    for _ in range(3):
        ended(5)
        expected += ended(task="testapp.rare", owner=ada)
    ended(5)
    record(task="testapp.rare", owner=ada)  # waits
    for selection in (
        Selection(everyone=True, task="testapp.rare"),
        Selection(ada.pk),
        Selection(ada.pk, task="testapp.rare"),
    ):
        assert ids(read(selection=selection, limit=limit)) == expected[:limit]
        found, after, pages = [], None, 0
        while (one := read(after, selection, limit)).more or one.items:
            found += ids(one)
            after, pages = parse_cursor(str(one.next)), pages + 1
        assert found == expected
        assert pages <= 4, "the jobs of others take no page"
    assert read(selection=Selection(ada.pk, task="testapp.square")).items == []


@pytest.mark.usefixtures("small_windows")
def test_what_ends_while_the_few_are_read_comes_next(monkeypatch: pytest.MonkeyPatch) -> None:
    ended(2)
    first = ended(task="testapp.rare")
    ended(5)
    read_rows, late = page._rows, list[str]()

    def rows_after_another_end(*args: Any) -> Any:
        if not late:
            late.extend(ended(task="testapp.rare"))
        return read_rows(*args)

    monkeypatch.setattr(page, "_rows", rows_after_another_end)
    selection = Selection(everyone=True, task="testapp.rare")
    one = read(selection=selection)
    assert (ids(one), one.more) == (first, True)
    assert ids(read(one.next, selection)) == late


@pytest.mark.usefixtures("small_windows")
def test_the_few_are_read_by_their_own_index() -> None:
    ada = make_user()
    ended(4, owner=ada)
    for selection, index in (
        (Selection(ada.pk), "jobs_job_owner"),
        (Selection(everyone=True, task="testapp.square"), "jobs_job_task"),
    ):
        with CaptureQueriesContext(connection) as queries:
            assert len(read(selection=selection).items) == 4
        (statement,) = (one["sql"] for one in queries if "+feed_position" in one["sql"])
        with connection.cursor() as cursor:
            plan = cursor.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        assert f"SEARCH jobs_job USING INDEX {index}" in str(plan)


def test_a_page_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_MOST_CHARACTERS", 2500)
    monkeypatch.setattr(page, "_CHUNK", 2)
    expected = ended(9)
    found = read()
    assert (len(found.items), found.more) == (4, True)
    assert ids(found) + ids(read(found.next)) + ids(read(read(found.next).next)) == expected


def test_the_statements_of_a_page_do_not_grow_with_it() -> None:
    ended(3)
    read()
    counts = []
    for count in (3, 40):
        ended(count)
        with CaptureQueriesContext(connection) as queries:
            assert len(read().items) >= count
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


def test_the_text_of_a_job_is_the_apis() -> None:
    quarter = timezone.now().replace(microsecond=0)
    texts = ['"', "\\", "\u2028", "é", "\U0001f600", "a\nb", "</script>"]
    made = [
        *(make_job(status=status) for status in FINAL),
        make_job(status=Status.FAILED, error_type="E", error_message="".join(texts), failures=2),
        make_job(
            status=Status.SUCCEEDED,
            kwargs={text: [1.5, None, True, 10**20, text] for text in texts},
            result={"é": math.pi, "deep": [[{}]]},
            progress_done=1.0,
            progress_total=4.5,
            progress_message="ünd",
            progress_stage={"name": "x", "number": 1, "of": None},
            warnings=["é", '"'],
            created_at=quarter,
            run_after=quarter - timedelta(days=9),
        ),
        make_job(status=Status.SUCCEEDED, progress_done=math.inf, result=[], cancel_requested=True),
        make_job(status=Status.SUCCEEDED, result=False, task='ta"sk', queue="q\\é", attempt=0),
    ]
    make_artifact(made[0], "b é.txt")
    make_artifact(made[0], "a.txt")
    for number, job in enumerate(made):
        Job.objects.filter(pk=job.pk).update(feed_position=number + 1)
    found = [json.loads(text) for text, *_ in read().items]
    for told, job in zip(found, made, strict=True):
        job.refresh_from_db()
        expected = job_json(job, job.artifacts.all())
        assert told == json.loads(json.dumps(expected))
        assert list(told) == list(expected)


def test_a_line_has_no_line_end_within() -> None:
    make_job(status=Status.FAILED, error_message="a\nb", kwargs={"a": "x\ny"}, feed_position=3)
    [(text, *_)] = read().items
    assert "\n" not in text


def test_without_a_mount_a_job_has_no_addresses() -> None:
    job = make_job(status=Status.SUCCEEDED, feed_position=3)
    make_artifact(job, "a.txt", b"four")
    [(text, *_)] = read_page(None, ALL, 10, None).items
    told = json.loads(text)
    assert "links" not in told
    assert told["artifacts"] == [{"name": "a.txt", "size": 4}]


def test_a_cursor_that_is_older_than_the_retention_says_so(settings: Any) -> None:
    settings.JOBS = {**settings.JOBS, "RETENTION_DAYS": 2}
    day = 86_400
    old = Cursor(1, make_user_id(), int(time.time()) - 2 * day - 60)
    with pytest.raises(StaleCursor, match="2 days"):
        parse_cursor(str(old))
    young = Cursor(1, make_user_id(), int(time.time()) - 2 * day + 60)
    assert parse_cursor(str(young)) == young


def make_user_id() -> Any:
    from jobs.core.uuid7 import uuid7

    return uuid7()


def test_a_follower_of_a_quiet_feed_keeps_a_young_cursor(settings: Any) -> None:
    """Its last job may be older than the retention: it has missed nothing."""
    ended()
    Job.objects.update(feed_position=1, finished_at=timezone.now() - timedelta(days=99))
    after = read().next
    assert parse_cursor(str(after)).seen_until >= int(time.time()) - 60
    lifecycle.prune_chunk(timezone.now())
    assert Job.objects.count() == 0
    expected = ended()
    assert ids(read(parse_cursor(str(after)))) == expected
