"""Performs the effects of a flow by blocking calls of httpx.

Redirects are not followed, so a token never goes to another host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any, TypeVar

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


class Driver:
    """Performs flows. Its connections are kept, and shared by all threads.

    Args:
        site: where requests go.
        http: what sends them; it is closed along if this has made it.
    """

    def __init__(self, site: Site, http: httpx.Client | None = None) -> None:
        self.site = site
        self._http = httpx.Client(limits=LIMITS) if http is None else http
        self._is_ours = http is None

    def run(self, flow: Flow[T]) -> T:
        """Perform a flow that gives nothing meanwhile; return what it returns."""
        result: list[T] = []
        for _ in self._steps(flow, iter(()), result.append):
            raise AssertionError("This flow gives something: use each.")
        return result[0]

    def each(self, flow: Flow[Any], source: Iterable[Any] = ()) -> Iterator[Any]:
        """Perform a flow, and yield what it gives; ``source`` is what it takes."""
        return self._steps(flow, iter(source), lambda _: None)

    def _steps(
        self, flow: Flow[Any], source: Iterator[Any], returned: Callable[[Any], object]
    ) -> Iterator[Any]:
        with closing(Steps(flow)) as steps:
            while not isinstance(effect := steps.next(), Returned):
                if isinstance(effect, Emit):
                    yield effect.value
                    continue
                try:
                    steps.done(self._perform(effect, source))
                except Exception as error:  # noqa: BLE001  (the flow knows what to do)
                    steps.failed(error)
            returned(effect.value)

    def _perform(self, effect: Effect, source: Iterator[Any]) -> Any:
        done: Any = None
        match effect:
            case Send(request):
                with losses():
                    done = answer_of(self._http.send(self._built(request), follow_redirects=False))
            case Download():
                done = self._download(effect)
            case Call(function):
                done = function()
            case Pause(seconds):
                time.sleep(seconds)
            case Now():
                done = time.monotonic()
            case Take():
                done = next(source, END)
            case _:
                unknown(effect)
        return done

    def _download(self, effect: Download) -> Answer:
        request = self._built(effect.request)
        with (
            losses(),
            closing(self._http.send(request, stream=True, follow_redirects=False)) as response,
        ):
            if not response.is_success:
                response.read()
                return answer_of(response)
            head = head_of(response)
            write = effect.begin(head)
            for chunk in response.iter_raw(CHUNK):
                write(chunk)
            return head

    def _built(self, request: Request) -> httpx.Request:
        return self._http.build_request(**parts(self.site, request))

    def close(self) -> None:
        """Close the connections."""
        if self._is_ours:
            self._http.close()
