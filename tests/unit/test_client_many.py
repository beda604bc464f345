"""Many jobs and their results: bulk, map and the feed, against a site of a few lines."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from jobs import client
from jobs.client import feed, job_lists
from jobs.client.arguments import Options
from jobs.client.bulk import Bulk, submit_many
from jobs.client.effects import Answer, Request
from jobs.client.mapping import MapOptions, Mapper
from tests.unit.client_world import LOST, SITE, World, answer, job, lines_of, problem


class Site:
    """A site with one task, which squares; a job has ended when the feed is asked for the third
    time after it was submitted. Odd requests of a kind can be made to fail."""

    def __init__(self, *, room: int = 10**9) -> None:
        self.world = World(self.reply)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.ended: list[dict[str, Any]] = []
        self.room = room
        self.broken: list[Any] = []
        """What comes instead of the next answers to a bulk, which is done all the same."""
        self.page = 1000
        self.age = itertools.count()

    def reply(self, request: Request) -> Any:
        if request.path == "jobs/bulk":
            found = self._bulk(request)
            return self.broken.pop(0)(found) if self.broken else found
        if request.path == "results":
            return self._results(request)
        found_job = self.jobs.get(request.path.rpartition("/")[2])
        return problem(404) if found_job is None else answer(200, found_job)

    def _bulk(self, request: Request) -> Answer:
        told: list[dict[str, Any]] = []
        stop: dict[str, Any] | None = None
        for number, line in enumerate(lines_of(request), request.query["first_line"]):
            key = f"{request.headers['Idempotency-Key']}:{number}"
            if key in self.keys:
                told.append({"line": number, "id": self.keys[key], "created": False})
                continue
            if stop is None and len(self.jobs) - len(self.ended) >= self.room:
                more = {"retry_after": 3, "resume_from": number}
                stop = {"status": 429, "detail": "Full.", **more}
            if stop is not None:
                told.append({"line": number, "problem": stop})
            elif line["args"].get("n") == "x":
                wrong = {"status": 422, "detail": "Not so."}
                told.append({"line": number, "problem": wrong})
            else:
                told.append({"line": number, "id": self._record(key, line["args"]["n"])})
        return answer(200, "\n".join(map(json.dumps, told)).encode() + b"\n")

    def _record(self, key: str, n: int) -> str:
        job_id = self.keys[key] = f"j{len(self.jobs)}"
        self.jobs[job_id] = job("queued", id=job_id, n=n, left=2)
        return job_id

    def _results(self, request: Request) -> Answer:
        after = request.query["after"]
        start = len(self.ended) if after == "latest" else int(after or 0)
        if after != "latest":
            self.work()
        items = [
            {**one, "cursor": str(number)}
            for number, one in enumerate(self.ended[start : start + self.page], start + 1)
        ]
        more = start + len(items) < len(self.ended)
        body = {"items": items, "next": str(start + len(items)), "more": more}
        self.world.clock += 0 if items else request.wait
        return answer(200, body, preference_applied="wait")

    def work(self) -> None:
        """Later jobs end first."""
        for one in reversed(self.jobs.values()):
            one["left"] -= 1
            if one["left"] == 0:
                n = one["n"]
                if n == 13:
                    error = {"type": "ValueError", "message": "unlucky"}
                    one.update(status="failed", result=None, error=error)
                else:
                    one.update(status="succeeded", result=n * n)
                self.ended.append(one)

    def map(self, numbers: Any, **options: Any) -> Iterator[Any]:
        mapper = Mapper(Bulk(SITE, "square", Options()), MapOptions(**options))
        return self.world.each(mapper.flow(), ({"n": n} for n in numbers))


def bulks(world: World) -> list[Request]:
    return [request for request in world.requests if request.path == "jobs/bulk"]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 3500])
def test_results_come_in_the_order_of_the_arguments(count: int) -> None:
    site = Site()
    assert list(site.map(range(100, 100 + count))) == [n * n for n in range(100, 100 + count)]
    assert [len(lines_of(one)) for one in bulks(site.world)] == [
        min(1000, count - first) for first in range(0, count, 1000)
    ]


def test_or_as_the_jobs_end() -> None:
    assert list(Site().map(range(20, 24), ordered=False)) == [n * n for n in (23, 22, 21, 20)]


def test_pages_that_are_not_the_last() -> None:
    site = Site()
    site.page = 7
    assert list(site.map(range(20, 70))) == [n * n for n in range(20, 70)]


def test_nothing_is_taken_beyond_the_window() -> None:
    site, taken = Site(), itertools.count(20)
    results = site.map(taken, window=5)
    assert [next(results) for _ in range(12)] == [n * n for n in range(20, 32)]
    assert next(taken) <= 20 + 12 + 5


def test_a_failure_is_raised_in_its_place_and_the_others_go_on() -> None:
    results = Site().map([12, 13, 14])
    assert next(results) == 144
    with pytest.raises(client.JobFailed, match="ValueError: unlucky"):
        next(results)


def test_or_given_in_its_place() -> None:
    found = list(Site().map([12, 13, "x", 14], return_exceptions=True))
    assert [type(one) for one in found] == [int, client.JobFailed, client.Invalid, int]
    assert found[0::3] == [144, 196]


def test_where_there_is_no_room_it_reads_results_meanwhile() -> None:
    site = Site(room=4)
    assert list(site.map(range(20, 40))) == [n * n for n in range(20, 40)]
    assert len(site.jobs) == 20
    assert site.world.pauses == []
    assert len(bulks(site.world)) < 20


CUTS: Any = {
    "lost": [lambda found: LOST],
    "lost twice": [lambda found: LOST] * 2,
    "in the middle": [lambda found: replace(found, content=found.content[:99])],
    "between lines": [lambda found: replace(found, content=found.content[:23])],
}


@pytest.mark.parametrize("how", CUTS)
def test_an_answer_that_is_lost_makes_no_second_job(how: str) -> None:
    site = Site()
    site.broken = [*CUTS[how]]
    assert list(site.map(range(20, 40))) == [n * n for n in range(20, 40)]
    assert len(site.jobs) == 20
    assert site.world.pauses


def test_a_job_that_had_ended_before_the_answer_came() -> None:
    """It is in the feed before the cursor, where nobody looks."""
    site = Site()

    def lose(found: Answer) -> Any:
        site.work()
        site.work()
        return LOST

    site.broken = [lose]
    options = Options(idempotency_key="again")
    mapper = Mapper(Bulk(SITE, "square", options), MapOptions())
    assert list(site.world.each(mapper.flow(), [{"n": 20}, {"n": 21}])) == [400, 441]
    before = site.world.clock
    again = Mapper(Bulk(SITE, "square", options), MapOptions())
    assert list(site.world.each(again.flow(), [{"n": 20}, {"n": 21}])) == [400, 441]
    assert len(site.jobs) == 2
    assert site.world.clock == before, "nothing was waited for"


def test_a_job_that_somebody_deletes() -> None:
    site = Site()
    results = site.map([20, 21, 22], return_exceptions=True, window=3)
    site.broken = [lambda found: (site.jobs.pop("j0"), found)[1]]
    missing, *others = results
    assert isinstance(missing, client.NotFound)
    assert others == [441, 484]


def test_a_time_for_all_of_it() -> None:
    site = Site()
    site.work = lambda: None  # type: ignore[method-assign]
    start = site.world.clock
    with pytest.raises(client.TimedOut, match="2 jobs have not ended in 30 s"):
        list(site.map([20, 21], timeout=30))
    assert 30 <= site.world.clock - start <= 31


def test_slow_arguments_are_sent_before_there_are_a_thousand() -> None:
    site = Site()

    def numbers() -> Iterator[int]:
        for n in range(20, 29):
            site.world.clock += 0.4
            yield n

    results = site.map(numbers())
    assert next(results) == 400
    assert len(site.jobs) < 9
    assert list(results) == [n * n for n in range(21, 29)]


def test_arguments_that_are_none() -> None:
    mapper = Mapper(Bulk(SITE, "square", Options()), MapOptions())
    with pytest.raises(TypeError, match="not a value of int"):
        list(Site().world.each(mapper.flow(), [7]))
    with pytest.raises(ValueError, match="1 job or more"):
        list(Site().map([], window=0))


def test_an_error_of_the_arguments_is_the_callers() -> None:
    def numbers() -> Iterator[int]:
        yield 20
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(Site().map(numbers()))


def test_submitting_many_waits_for_room_as_it_is_told() -> None:
    site = Site(room=4)

    def reply(request: Request) -> Any:
        if site.world.pauses[-1:] == [3]:
            site.ended += [one for one in site.jobs.values() if one not in site.ended]
        return site.reply(request)

    site.world = World(reply)
    numbers = [{"n": n} for n in (*range(20, 28), "x")]
    found = list(site.world.each(submit_many(Bulk(SITE, "square", Options())), numbers))
    assert [one.job_id for one in found] == [*(f"j{n}" for n in range(8)), ""]
    assert isinstance(found[-1].problem, client.Invalid)
    assert [one.line.number for one in found] == list(range(1, 10))
    assert site.world.pauses == [3, 3]


def test_a_bulk_that_the_site_cannot_take_for_long() -> None:
    stop = {"status": 503, "detail": "Away.", "retry_after": 20, "resume_from": 1}
    world = World(answer(200, {"line": 1, "problem": stop}))
    with pytest.raises(client.Unavailable, match="Away"):
        list(world.each(submit_many(Bulk(SITE, "square", Options())), [{"n": 1}]))
    assert world.pauses == [20, 20, 20]


def follow(world: World, after: str | None = None) -> Iterator[Any]:
    return world.each(feed.follow(SITE, after, "square", to_come=True))


def page(*items: str, at: str, more: bool = False, **headers: Any) -> Answer:
    jobs = [{"id": one, "cursor": f"c-{one}"} for one in items]
    return answer(200, {"items": jobs, "next": at, "more": more}, **headers)


def test_following_goes_on_from_the_last_cursor_when_the_connection_was_cut() -> None:
    waited: dict[str, Any] = {"preference_applied": "wait=20"}
    world = World(
        page("a", "b", at="1", more=True),
        LOST,
        page("c", at="2"),
        page(at="3", **waited),
        problem(503, retry_after=2),
        page("d", at="4"),
    )
    found = follow(world, "0")
    assert [next(found)["id"] for _ in range(4)] == ["a", "b", "c", "d"]
    assert [one.query["after"] for one in world.requests] == ["0", "1", "1", "2", "3", "3"]
    assert {one.query["task"] for one in world.requests} == {"square"}
    assert {one.headers["Prefer"] for one in world.requests} == {"wait=20"}


def test_following_where_too_many_wait_pauses() -> None:
    world = World(page(at="1"), page(at="1"), page("a", at="2"))
    assert next(follow(world))["id"] == "a"
    assert world.pauses == [1, 1]


def test_an_old_cursor_is_no_matter_of_time() -> None:
    with pytest.raises(client.CursorExpired):
        next(follow(World(problem(410)), "old"))


def test_results_end_with_the_last() -> None:
    world = World(page("a", at="1", more=True), page(at="2", more=True), page("b", at="3"))
    found = list(world.each(feed.follow(SITE, None, None, to_come=False)))
    assert [one["id"] for one in found] == ["a", "b"]
    assert all("Prefer" not in one.headers for one in world.requests)


def test_lists_follow_their_link() -> None:
    first = answer(
        200, {"items": [{"id": "a"}]}, link='</x/api/v1/jobs?cursor=c1&q=%C3%BC>; rel="next"'
    )
    world = World(first, answer(200, {"items": [{"id": "b"}]}))
    filters = {"status": ["queued", "running"], "limit": 1}
    assert [one["id"] for one in world.each(job_lists.jobs(SITE, filters))] == ["a", "b"]
    assert [one.query for one in world.requests] == [
        {"status": "queued,running", "limit": 1},
        {"cursor": "c1", "q": "ü"},
    ]
