"""Requests that wait on the event loop of an ASGI server, and are answered when there is news."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from jobs.core import asgi_holding
from jobs.core.asgi_holding import hold_requests
from jobs.core.held_requests import HELD, HOLD

SECONDS = 20.0
SCOPE: dict[str, Any] = {
    "type": "http",
    "path": "/wait",
    "headers": [(b"content-length", b"5"), (b"accept", b"*/*")],
}


class News:
    def __init__(self, seconds: float = SECONDS) -> None:
        self.until = time.monotonic() + seconds
        self.is_there = False
        self.begun, self.ended = asyncio.Event(), asyncio.Event()
        self.wake: Callable[[], None] = lambda: None

    def begin(self, wake: Callable[[], None]) -> None:
        self.wake = wake
        self.begun.set()

    def end(self) -> None:
        self.ended.set()

    def come(self) -> None:
        self.is_there = True
        self.wake()


class View:
    """An application that asks to be held until there is news; each call is kept."""

    def __init__(self, wait: News) -> None:
        self.wait = wait
        self.bodies: list[bytes] = []
        self.scopes: list[Any] = []
        self.held: list[bool] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.bodies.append((await receive())["body"])
        is_over = self.wait.is_there or time.monotonic() >= self.wait.until
        self.held.append(not is_over and scope[HOLD](self.wait))
        # As Django does: it listens to the client meanwhile, and no longer.
        listening = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        listening.cancel()
        told = b"news" if self.wait.is_there else b"nothing"
        headers = [(b"X-Request-Id", b"order-7")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})


class Client:
    """What a server gives to an application: the request, and later perhaps that it is gone."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.incoming: asyncio.Queue[Any] = asyncio.Queue()
        self.incoming.put_nowait({"type": "http.request", "body": b"a job", "more_body": False})

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def answered_by(self, application: Any) -> asyncio.Task[None]:
        """Send the request."""
        return asyncio.ensure_future(application(SCOPE, self.incoming.get, self.send))

    @property
    def bodies(self) -> list[bytes]:
        return [one["body"] for one in self.sent if one["type"] == "http.response.body"]


def run(check: Callable[[], Any]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(SECONDS):
            await check()

    asyncio.run(limited())


def test_a_request_waits_for_news_and_is_handled_again() -> None:
    async def check() -> None:
        view, client = View(News()), Client()
        answer = client.answered_by(hold_requests(view))
        await view.wait.begun.wait()
        assert client.sent == [], "the response of the first call is dropped"
        view.wait.begun.clear()
        view.wait.wake()  # no news: it is held again
        await view.wait.begun.wait()
        view.wait.come()
        await answer
        assert client.bodies == [b"news"]
        assert view.bodies == [b"a job", b"", b""]
        assert view.held == [True, True, False]
        assert view.scopes[1][HELD] is view.wait
        assert view.scopes[1]["headers"] == [(b"accept", b"*/*"), (b"x-request-id", b"order-7")]
        assert view.wait.ended.is_set()

    run(check)


def test_it_is_answered_when_its_time_is_over() -> None:
    async def check() -> None:
        view, client = View(News(0.05)), Client()
        await client.answered_by(hold_requests(view))
        assert client.bodies == [b"nothing"]
        assert len(view.bodies) == 2

    run(check)


def test_who_leaves_is_waited_for_no_more() -> None:
    async def check() -> None:
        view, client = View(News()), Client()
        answer = client.answered_by(hold_requests(view))
        await view.wait.begun.wait()
        client.leave()
        await answer
        assert view.wait.ended.is_set()
        assert (client.sent, len(view.bodies)) == ([], 1)

    run(check)


def test_one_more_than_the_most_is_answered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_holding, "MOST_HELD", 1)

    async def check() -> None:
        first, second = View(News()), View(News())
        views = iter([first, second, first])

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await next(views)(scope, receive, send)

        held = hold_requests(application)
        clients = Client(), Client()
        waiting = clients[0].answered_by(held)
        await first.wait.begun.wait()
        await clients[1].answered_by(held)
        assert clients[1].bodies == [b"nothing"]
        first.wait.come()
        await waiting
        assert clients[0].bodies == [b"news"]

    run(check)


def test_a_seat_is_free_again_after_each_way_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_holding, "MOST_HELD", 1)

    class Fails(View):
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            assert scope[HOLD](self.wait)
            raise ZeroDivisionError

    async def check() -> None:
        views: list[View] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            await views[-1](scope, receive, send)

        held = hold_requests(application)
        views.append(Fails(News()))
        with pytest.raises(ZeroDivisionError):
            await Client().answered_by(held)
        views.append(View(News()))
        client = Client()
        answer = client.answered_by(held)
        await views[-1].wait.begun.wait()
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer
        views.append(View(News(0.01)))
        await Client().answered_by(held)
        assert views[-1].held[0], "there was a seat"

    run(check)


def test_a_view_that_goes_on_without_its_client_gets_no_seat() -> None:
    async def check() -> None:
        kept: list[Any] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            kept.append(scope[HOLD])

        await Client().answered_by(hold_requests(application))
        assert not kept[0](News())

    run(check)


def test_other_protocols_pass() -> None:
    async def check() -> None:
        seen: list[Any] = []

        async def application(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope)

        scope = {"type": "lifespan"}
        await hold_requests(application)(scope, None, None)  # type: ignore[arg-type]
        assert seen == [scope]

    run(check)
