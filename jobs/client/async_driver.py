"""Performs the effects of a flow on an event loop, of asyncio or trio; otherwise as ``driver``."""

from __future__ import annotations

import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
)
from contextlib import aclosing, closing
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import httpx

from .effects import (
    END,
    Answer,
    Call,
    Download,
    Effect,
    Emit,
    Flow,
    Now,
    Pause,
    Request,
    Send,
    Take,
)
from .site import Site
from .steps import Returned, Steps
from .wire import CHUNK, LIMITS, answer_of, head_of, losses, parts, unknown

T = TypeVar("T")


class AsyncDriver:
    """Performs flows. Its connections are kept, and shared by all tasks of the event loop.

    Args:
        site: where requests go.
        http: what sends them; it is closed along if this has made it.
    """

    def __init__(self, site: Site, http: httpx.AsyncClient | None = None) -> None:
        self.site = site
        self._http = httpx.AsyncClient(limits=LIMITS) if http is None else http
        self._is_ours = http is None

    async def run(self, flow: Flow[T]) -> T:
        """Perform a flow that gives nothing meanwhile; return what it returns."""
        result: list[T] = []
        async with aclosing(self._steps(flow, iter(()), result.append)) as steps:
            async for _ in steps:
                raise AssertionError("This flow gives something: use each.")
        return result[0]

    def each(
        self, flow: Flow[Any], source: Iterable[Any] | AsyncIterable[Any] = ()
    ) -> AsyncGenerator[Any]:
        """Perform a flow, and yield what it gives; ``source`` is what it takes."""
        taken = aiter(source) if isinstance(source, AsyncIterable) else iter(source)
        return self._steps(flow, taken, lambda _: None)

    async def _steps(
        self,
        flow: Flow[Any],
        source: Iterator[Any] | AsyncIterator[Any],
        returned: Callable[[Any], object],
    ) -> AsyncGenerator[Any]:
        with closing(Steps(flow)) as steps:
            while not isinstance(effect := steps.next(), Returned):
                if isinstance(effect, Emit):
                    yield effect.value
                    continue
                try:
                    steps.done(await self._perform(effect, source))
                except Exception as error:  # noqa: BLE001  (the flow knows what to do)
                    steps.failed(error)
            returned(effect.value)

    async def _perform(self, effect: Effect, source: Iterator[Any] | AsyncIterator[Any]) -> Any:
        done: Any = None
        match effect:
            case Send(request):
                with losses():
                    sent = self._http.send(self._built(request), follow_redirects=False)
                    done = answer_of(await sent)
            case Download():
                done = await self._download(effect)
            case Call(function):
                done = await anyio.to_thread.run_sync(function)
            case Pause(seconds):
                await anyio.sleep(seconds)
            case Now():
                done = time.monotonic()
            case Take():
                done = await _next(source)
            case _:
                unknown(effect)
        return done

    async def _download(self, effect: Download) -> Answer:
        request = self._built(effect.request)
        with losses():
            response = await self._http.send(request, stream=True, follow_redirects=False)
            async with aclosing(response):
                if not response.is_success:
                    await response.aread()
                    return answer_of(response)
                head = head_of(response)
                write = await anyio.to_thread.run_sync(effect.begin, head)
                async for chunk in response.aiter_raw(CHUNK):
                    await anyio.to_thread.run_sync(write, chunk)
                return head

    def _built(self, request: Request) -> httpx.Request:
        return self._http.build_request(**parts(self.site, request))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._is_ours:
            await self._http.aclose()


async def _next(source: Iterator[Any] | AsyncIterator[Any]) -> Any:
    if isinstance(source, AsyncIterator):
        return await anext(source, END)
    return next(source, END)
