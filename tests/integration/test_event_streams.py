"""Server-Sent Events of the feed and of one job, as an ASGI server would send them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from jobs.api import event_stream
from jobs.api.news_watcher import NewsWatcher
from jobs.models import Job, Token
from tests.factories import end, make_user, record, take_one
from tests.integration.api_client import Api

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = {"Accept": "text/event-stream"}
PATIENCE = 60.0


def ended(owner: Any = None, **fields: Any) -> str:
    job = record(owner=owner, **fields)
    assert end(take_one(), result=49)
    return str(job.pk)


@pytest.fixture
def headers() -> dict[str, str]:
    user = make_user()
    _, token = Token.objects.issue(user)
    return {"Authorization": f"Bearer {token}", **STREAM}


@pytest.fixture(autouse=True)
def reader(monkeypatch: pytest.MonkeyPatch, watcher: NewsWatcher) -> Iterator[None]:
    """One thread reads for the streams; its connection is closed at the end."""
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(event_stream, "readers", pool)
        yield
        pool.submit(connections.close_all).result(PATIENCE)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine, and close the connection of the thread that works for it."""

    async def run_and_close() -> None:
        try:
            await main()
        finally:
            await sync_to_async(connections.close_all)()

    asyncio.run(run_and_close())


class Streams:
    """A client that asks for streams."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers

    async def get(self, path: str, last: str = "") -> Any:
        """Send a GET, with the id of the last event that came."""
        more = {"Last-Event-ID": last} if last else {}
        return await AsyncClient().get(path, headers={**self._headers, **more})


class Events:
    """The events of a stream, one after the other."""

    def __init__(self, response: Any) -> None:
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/event-stream"
        self._response = response
        self._pieces: AsyncIterator[bytes] = aiter(response.streaming_content)
        self._held: list[dict[str, str]] = []

    async def next(self) -> dict[str, Any]:
        """The next event; its data is read as JSON."""
        while not self._held:
            async with asyncio.timeout(PATIENCE):
                piece = await anext(self._pieces)
            for block in piece.decode().strip().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
                if "data" in fields:
                    self._held.append(fields)
        found: dict[str, Any] = self._held.pop(0)
        return {**found, "data": json.loads(found["data"])}

    async def close(self) -> None:
        """Go away, as a client does."""
        await self._pieces.aclose()  # type: ignore[attr-defined]
        await sync_to_async(self._response.close)()


def test_the_feed_goes_on_with_what_ends_later(headers: dict[str, str]) -> None:
    owner = Token.objects.get().user

    async def follow() -> None:
        client = Streams(headers)
        first = await sync_to_async(ended)(owner)
        events = Events(await client.get("/api/v1/results"))
        one = await events.next()
        assert (one["event"], one["data"]["id"]) == ("job", first)
        second = await sync_to_async(ended)(owner)
        await sync_to_async(ended)()  # somebody else's
        third = await sync_to_async(ended)(owner)
        two = await events.next()
        assert [two["data"]["id"], (await events.next())["data"]["id"]] == [second, third]
        await events.close()
        again = Events(await client.get("/api/v1/results", two["id"]))
        assert (await again.next())["data"]["id"] == third
        await again.close()

    run(follow)
    assert event_stream._open == 0


def test_one_job_is_followed_to_its_end(headers: dict[str, str]) -> None:
    owner = Token.objects.get().user

    async def follow() -> None:
        client = Streams(headers)
        job = await sync_to_async(record)(owner=owner)
        address = f"/api/v1/jobs/{job.pk}"
        events = Events(await client.get(address))
        assert (await events.next())["data"]["status"] == "queued"
        claim = await sync_to_async(take_one)()
        assert (await events.next())["data"]["status"] == "running"
        await sync_to_async(end)(claim, result=49)
        last = await events.next()
        assert (last["data"]["status"], last["data"]["result"]) == ("succeeded", 49)
        with pytest.raises(StopAsyncIteration):
            await events.next()
        again = await client.get(address, last["id"])
        assert again.status_code == 204
        await events.close()

    run(follow)
    assert event_stream._open == 0


def test_what_is_wrong_with_a_request_is_no_stream(headers: dict[str, str]) -> None:
    client = Streams(headers)

    async def ask() -> None:
        wanted = [
            await client.get("/api/v1/results?after=x"),
            await client.get("/api/v1/results", "x"),
            await client.get("/api/v1/jobs/0192f7a0-0000-7000-8000-000000000000"),
            await Streams(STREAM).get("/api/v1/results"),
        ]
        assert [response.status_code for response in wanted] == [422, 422, 404, 401]

    run(ask)
    assert event_stream._open == 0


def test_another_stream_than_the_most_is_told_to_come_back(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "MOST_STREAMS", 1)

    async def follow() -> None:
        client = Streams(headers)
        first = await client.get("/api/v1/results")
        second = await client.get("/api/v1/results")
        assert (second.status_code, second.headers["Retry-After"]) == (503, "5")
        await sync_to_async(first.close)()  # gone before its first event
        third = await client.get("/api/v1/results")
        assert third.status_code == 200
        await sync_to_async(third.close)()

    run(follow)
    assert event_stream._open == 0


def test_a_stream_says_something_now_and_then_and_ends(
    headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "KEEP_ALIVE_SECONDS", 0.01)
    monkeypatch.setattr(event_stream, "STREAM_SECONDS", 1.0)

    async def follow() -> None:
        response: Any = await Streams(headers).get("/api/v1/results")
        pieces = [piece async for piece in response.streaming_content]
        assert b":\n\n" in b"".join(pieces)

    run(follow)


def test_a_stream_ends_when_the_job_is_gone(headers: dict[str, str]) -> None:
    owner = Token.objects.get().user

    async def follow() -> None:
        job = await sync_to_async(record)(owner=owner)
        events = Events(await Streams(headers).get(f"/api/v1/jobs/{job.pk}"))
        await events.next()
        await sync_to_async(Job.objects.all().delete)()
        with pytest.raises(StopAsyncIteration):
            await events.next()

    run(follow)


def test_where_the_server_has_no_event_loop_it_is_406() -> None:
    user = make_user()
    job = record(owner=user)
    api = Api(user)
    for path in ("/api/v1/results", f"/api/v1/jobs/{job.pk}"):
        response = api.get(path, headers=STREAM)
        assert response.status_code == 406
        assert "Prefer: wait" in response.json()["detail"]
