"""A world in which flows of the client run at once: a test gives the answers and the time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from jobs.client.effects import (
    END,
    Answer,
    Call,
    ConnectionLost,
    Download,
    Emit,
    Flow,
    Now,
    Pause,
    Request,
    Send,
    Take,
)
from jobs.client.site import Site
from jobs.client.steps import Returned, Steps

T = TypeVar("T")
SITE = Site("https://desk.test/api/v1/", "secret", retry_for=60.0)
LOST = ConnectionLost("Connection refused")
Reply = Answer | ConnectionLost | Callable[[Request], Any]


def answer(status: int = 200, body: Any = None, **headers: str) -> Answer:
    """An answer; the underlines of headers are hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, content)


def problem(status: int, **members: Any) -> Answer:
    """An answer that is a problem."""
    headers = {"retry_after": str(members.pop("retry_after"))} if "retry_after" in members else {}
    return answer(status, {"detail": "Not so.", **members}, **headers)


class World:
    """Performs the effects of flows.

    Args:
        replies: what comes of each request, one after the other; of the last one again and again.

    Attributes:
        requests: what was sent.
        pauses: the seconds of each pause.
        clock: the time.
    """

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)
        self.requests: list[Request] = []
        self.pauses: list[float] = []
        self.clock = 1000.0

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end; return what it returns."""
        found: list[T] = []
        assert list(self._steps(flow, iter(()), found)) == [], "it gives something"
        return found[0]

    def each(self, flow: Flow[Any], source: Iterable[Any] = ()) -> Iterator[Any]:
        """Run a flow; yield what it gives."""
        return self._steps(flow, iter(source), [])

    def _steps(self, flow: Flow[T], source: Iterator[Any], found: list[T]) -> Iterator[Any]:
        steps = Steps(flow)
        while not isinstance(effect := steps.next(), Returned):
            if isinstance(effect, Emit):
                yield effect.value
                continue
            try:
                steps.done(self._perform(effect, source))
            except Exception as error:  # noqa: BLE001
                steps.failed(error)
        found.append(effect.value)

    def _perform(self, effect: Any, source: Iterator[Any]) -> Any:
        match effect:
            case Send(request):
                return self._reply(request)
            case Download(request, begin):
                return self._download(self._reply(request), begin)
            case Call(function):
                return function()
            case Pause(seconds):
                self.pauses.append(seconds)
                self.clock += seconds
            case Now():
                return self.clock
            case Take():
                return next(source, END)
        return None

    def _reply(self, request: Request) -> Answer:
        self.requests.append(request)
        reply = self._replies[0] if len(self._replies) == 1 else self._replies.pop(0)
        found = reply(request) if callable(reply) else reply
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Answer)
        return found

    def _download(self, found: Answer, begin: Any) -> Answer:
        """A body that ends with ``|cut|`` is cut off there."""
        if found.status >= 300:
            return found
        data, mark, _ = found.content.partition(b"|cut|")
        begin(found)(data)
        if mark:
            raise ConnectionLost("cut off")
        return found


def job(status: str = "succeeded", **members: Any) -> dict[str, Any]:
    """A job's JSON."""
    return {"id": "j1", "status": status, "result": 49, "error": None, "artifacts": [], **members}


def sent(request: Request) -> Any:
    """What a request has sent as JSON."""
    return json.loads(request.content)


def lines_of(request: Request) -> list[Mapping[str, Any]]:
    """What a request has sent as lines of JSON."""
    return [json.loads(line) for line in request.content.splitlines()]
