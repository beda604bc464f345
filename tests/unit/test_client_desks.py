"""Both desks over httpx: what goes over the wire, and that they are the same but for ``await``."""

from __future__ import annotations

import asyncio
import inspect
import io
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobs import client
from jobs.client import AsyncDesk, AsyncJob, Desk, Job

URL = "https://desk.test/below"
JOB = {"id": "j1", "task": "t", "status": "succeeded", "result": 49, "artifacts": [], "error": None}
Handler = Callable[[httpx.Request], httpx.Response]


class Both:
    """Does the same with both desks."""

    def __init__(self, handler: Handler) -> None:
        self.requests: list[httpx.Request] = []

        def noted(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return handler(request)

        self._transport = httpx.MockTransport(noted)

    def desk(self, **options: Any) -> Desk:
        http = httpx.Client(transport=self._transport, follow_redirects=True)
        return Desk(URL, "secret", http=http, retry_for=0, **options)

    def async_desk(self) -> AsyncDesk:
        http = httpx.AsyncClient(transport=self._transport, follow_redirects=True)
        return AsyncDesk(URL, "secret", http=http, retry_for=0)

    def run(self, call: Callable[[Any], Any]) -> list[Any]:
        """What a call returns, or raises, with one and with the other."""

        async def main() -> Any:
            found = call(self.async_desk())
            if inspect.isasyncgen(found):
                return [one async for one in found]
            return await found

        found: list[Any] = []
        ways: list[Callable[[], Any]] = [lambda: _listed(call(self.desk())), lambda: _run(main())]
        for way in ways:
            try:
                found.append(way())
            except client.DeskError as error:
                found.append(error)
        return found


def _run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(main)


def _listed(found: Any) -> Any:
    return list(found) if inspect.isgenerator(found) else found


def always(status: int, **more: Any) -> Handler:
    return lambda request: httpx.Response(status, **more)


def test_what_every_request_carries() -> None:
    both = Both(always(202, json=JOB))
    jobs = both.run(lambda desk: desk.submit("webapp.square", n=7))
    assert [type(one) for one in jobs] == [Job, AsyncJob]
    assert [one.id for one in jobs] == ["j1", "j1"]
    for request in both.requests:
        assert (request.method, str(request.url)) == ("POST", f"{URL}/api/v1/jobs")
        assert request.headers["Authorization"] == "Bearer secret"
        assert request.headers["Content-Type"] == "application/json"
        assert request.content == b'{"task":"webapp.square","args":{"n":7}}'


def test_a_redirect_is_not_followed_whatever_the_client_would_do() -> None:
    both = Both(always(307, headers={"Location": "https://elsewhere.test/api/v1/tasks"}))
    assert [type(one) for one in both.run(lambda desk: desk.tasks())] == [client.Redirected] * 2
    assert {request.url.host for request in both.requests} == {"desk.test"}
    both.run(lambda desk: desk.run(_downloaded(desk)))
    assert {request.url.host for request in both.requests} == {"desk.test"}


def _downloaded(desk: Any) -> Any:
    from jobs.client.downloads import download

    return download(desk.site, "j1", "a", Path.cwd() / "never")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), client.Unavailable),
        (httpx.ReadTimeout(""), client.Unavailable),
        (httpx.RemoteProtocolError("cut"), client.Unavailable),
    ],
)
def test_connections_that_break(error: Exception, kind: type[Exception]) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    for found in Both(fail).run(lambda desk: desk.tasks()):
        assert type(found) is kind
        assert str(found) == f"{URL}/api/v1/ did not answer: {str(error) or 'ReadTimeout'}."


def test_a_certificate_of_somebody_else() -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("failed") from ssl.SSLCertVerificationError("self-signed")

    both = Both(fail)
    assert [type(one) for one in both.run(lambda desk: desk.tasks())] == [client.Untrusted] * 2


def test_tasks_are_objects() -> None:
    task = dict.fromkeys(client.Task.__dataclass_fields__)
    body = {"items": [{**task, "name": "webapp.square", "added_later": 1}]}
    for (found,) in Both(always(200, json=body)).run(lambda desk: desk.tasks()):
        assert found.name == "webapp.square"


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in two pieces; the connection breaks after the first, once."""

    def __init__(self, breaks: list[bool]) -> None:
        self._breaks = breaks

    def __iter__(self) -> Iterator[bytes]:
        yield b"abc"
        if self._breaks.pop():
            raise httpx.ReadError("cut")
        yield b"def"

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


def test_downloads_come_in_pieces(tmp_path: Path) -> None:
    breaks = [False, True] * 2
    both = Both(lambda request: httpx.Response(200, stream=Body(breaks)))
    desk = both.desk()
    job = Job(desk, JOB)
    with pytest.raises(client.Unavailable, match="cut"):
        job.download("a.bin", tmp_path)
    assert job.download("a.bin", tmp_path).read_bytes() == b"abcdef"

    async def main() -> bytes:
        job = AsyncJob(both.async_desk(), JOB)
        with pytest.raises(client.Unavailable, match="cut"):
            await job.download("b.bin", tmp_path)
        path = await job.download("b.bin", tmp_path)
        return path.read_bytes()

    assert asyncio.run(main()) == b"abcdef"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "b.bin"]
    refused = Both(always(404, json={"detail": "There is no such file."}))
    for found in refused.run(lambda desk: desk.run(_downloaded(desk))):
        assert isinstance(found, client.NotFound)
        assert found.detail == "There is no such file."


def test_other_requests() -> None:
    both = Both(lambda request: httpx.Response(200, content=request.content))
    echoed = both.run(lambda desk: desk.request("PUT", "/workers/7", {"n": 7}, wait=1, no=None))
    assert echoed == [{"n": 7}] * 2
    assert str(both.requests[0].url) == f"{URL}/api/v1/workers/7?wait=1"
    assert both.run(lambda desk: desk.request("GET", "queues")) == [None, None]


def test_using_changes_a_copy() -> None:
    both = Both(always(202, json=JOB))
    desk = both.desk()
    low = desk.using(priority=-5, queue="slow").using(queue="fast")
    low.submit("t")
    desk.submit("t")
    assert [request.content for request in both.requests] == [
        b'{"task":"t","args":{},"queue":"fast","priority":-5}',
        b'{"task":"t","args":{}}',
    ]
    with pytest.raises(TypeError, match="prio"):
        desk.using(prio=1)  # type: ignore[call-arg]


def test_an_asynchronous_source_of_arguments() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/bulk"):
            return httpx.Response(200, content=b'{"line":1,"id":"j1"}\n{"line":2,"id":"j2"}')
        items = [] if "latest" in str(request.url) else [JOB, {**JOB, "id": "j2", "result": 64}]
        return httpx.Response(200, json={"items": items, "next": "c", "more": False})

    async def numbers() -> AsyncIterator[dict[str, int]]:
        for n in (7, 8):
            await asyncio.sleep(0)
            yield {"n": n}

    async def main() -> None:
        desk = Both(reply).async_desk()
        assert [one async for one in desk.map("t", numbers())] == [49, 64]
        assert [one async for one in desk.map("t", [{"n": 7}, {"n": 8}])] == [49, 64]
        jobs = [one async for one in desk.submit_many("t", numbers())]
        assert [one.id for one in jobs if isinstance(one, AsyncJob)] == ["j1", "j2"]
        assert [one.id async for one in desk.results("c")] == ["j1", "j2"]

    asyncio.run(main())


def test_connections_are_closed_by_who_has_made_them() -> None:
    with Desk("http://127.0.0.1:9", "t") as desk:
        http = desk._driver._http
    assert http.is_closed
    http = httpx.Client()
    with Desk("http://127.0.0.1:9", "t", http=http):
        pass
    assert not http.is_closed
    http.close()

    async def main() -> None:
        async with AsyncDesk("http://127.0.0.1:9", "t") as desk:
            http = desk._driver._http
        assert http.is_closed

    asyncio.run(main())
    assert "secret" not in repr(Both(always(200)).desk())


@pytest.mark.parametrize(("one", "other"), [(Desk, AsyncDesk), (Job, AsyncJob)])
def test_both_have_the_same_calls(one: type, other: type) -> None:
    def calls(kind: type) -> dict[str, list[str]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: [*inspect.signature(function).parameters]
            for name, function in found
            if not name.startswith("_") and name not in {"close", "aclose"}
        }

    assert calls(one) == calls(other)


WITHOUT_DJANGO = """
import sys
from jobs.client import AsyncDesk, Desk
desk = Desk("http://127.0.0.1:9", "t", retry_for=0)
try:
    desk.tasks()
except Exception as error:
    print(type(error).__name__)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"django", "pydantic", "asgiref"}))
print(sorted(name for name in sys.modules if name.startswith("jobs.") and "client" not in name))
"""


def test_it_needs_no_django_and_no_settings(project_root: Path) -> None:
    environment = {"PATH": "", "PYTHONPATH": str(project_root), "SYSTEMROOT": "C:\\Windows"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DJANGO],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )
    assert done.stdout.split("\n") == ["Unavailable", "[]", "[]", ""], done.stderr


def test_a_file_that_is_read_while_it_is_sent_blocks_no_event_loop() -> None:
    threads: set[str] = set()

    class File(io.BytesIO):
        def read(self, *count: Any) -> bytes:
            import threading

            threads.add(threading.current_thread().name)
            return super().read(*count)

    both = Both(always(201, json={"id": "u1"}))

    async def main() -> None:
        await both.async_desk().upload(File(b"data"), name="n")

    asyncio.run(main())
    assert "MainThread" not in threads
    assert threads
