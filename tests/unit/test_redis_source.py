"""What a consumer of a Redis stream asks the server, and in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

redis = pytest.importorskip("redis")

from jobs.brokers.redis import source  # noqa: E402
from jobs.brokers.redis.source import (  # noqa: E402
    ABANDONED_MS,
    DEAD_MS,
    GROUP,
    LARGE,
    MOST_AT_ONCE,
    TIDY_SECONDS,
    RedisSource,
)

STREAM = "jobs.mail"


class Server:
    """Stands in for the client: answers as it is told, and notes what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answers: dict[str, list[Any]] = {}
        self.default: dict[str, Any] = {
            "xautoclaim": (b"0-0", [], []),
            "xinfo_consumers": [],
            "xpending_range": [],
            "xreadgroup": [],
        }

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.calls.append((name, *given, *named.values()))
            answers = self.answers.get(name)
            answer = answers.pop(0) if answers else self.default.get(name)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def pipeline(self, *, transaction: bool) -> Any:
        self.calls.append(("pipeline", transaction))
        return self

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None: ...

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        return [call[1:] for call in self.calls if call[0] == name]


class Clock:
    """Stands still until it is set."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(source, "connect", lambda url, seconds: made)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(source, "time", made)
    return made


@pytest.fixture
def dead() -> list[str]:
    return []


@pytest.fixture
def stream(server: Server, clock: Clock, dead: list[str]) -> RedisSource:
    return RedisSource("redis://x", "mail", "me", dead)


def entries(*numbers: int, size: int = 0) -> list[Any]:
    return [(f"{number}-0".encode(), {b"body": b"x" * (size or 2)}) for number in numbers]


def read(server: Server, *answers: Any) -> None:
    server.answers["xreadgroup"] = [
        answer if isinstance(answer, Exception) else [[STREAM.encode(), answer]]
        for answer in answers
    ]


def test_without_a_slot_nothing_is_read(stream: RedisSource, server: Server) -> None:
    assert stream.receive(0, 1.0) == []
    assert server.calls == []


def test_more_and_more_are_read_at_once_and_no_more_than_there_are_slots(
    stream: RedisSource, server: Server
) -> None:
    counts = []
    for limit in (9, 9, 9, 9, 3):
        stream.receive(limit, 0.0)
        counts.append(server.asked("xreadgroup")[-1][3])
    assert counts == [1, 2, 4, MOST_AT_ONCE, 3]


@pytest.mark.parametrize(("size", "next_count"), [(LARGE, 4), (LARGE + 1, 1)])
def test_after_a_large_entry_they_are_read_one_by_one(
    stream: RedisSource, server: Server, size: int, next_count: int
) -> None:
    """Several could fill the memory."""
    read(server, entries(1), entries(2, size=size), entries(3))
    for _ in range(3):
        stream.receive(9, 0.0)
    assert server.asked("xreadgroup")[-1][3] == next_count


@pytest.mark.parametrize(("seconds", "milliseconds"), [(0.5, 500), (0.0, 1), (60.0, 1500)])
def test_it_never_blocks_for_ever_and_not_as_long_as_its_client_waits(
    stream: RedisSource, server: Server, seconds: float, milliseconds: int
) -> None:
    stream.receive(1, seconds)
    assert server.asked("xreadgroup") == [(GROUP, "me", {STREAM: ">"}, 1, milliseconds)]


@pytest.mark.parametrize("said", ["NOGROUP No such key", "UNBLOCKED the stream is gone"])
def test_a_stream_that_is_missing_is_made(stream: RedisSource, server: Server, said: str) -> None:
    read(server, redis.ResponseError(said), entries(1))
    assert stream.receive(1, 0.0) == []
    assert server.asked("xgroup_create") == [(STREAM, GROUP, "0", True)], "from its beginning"
    assert [one.handle for one in stream.receive(1, 0.0)] == [b"1-0"]


def test_another_consumer_may_make_the_group_first(stream: RedisSource, server: Server) -> None:
    missing = redis.ResponseError("NOGROUP")
    read(server, missing, missing)
    server.answers["xgroup_create"] = [
        redis.ResponseError("BUSYGROUP already exists"),
        redis.ResponseError("WRONGTYPE"),
    ]
    assert stream.receive(1, 0.0) == []
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        stream.receive(1, 0.0)


def test_what_the_server_refuses_is_raised(stream: RedisSource, server: Server) -> None:
    read(server, redis.ResponseError("WRONGTYPE"), entries(1))
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        stream.receive(1, 0.0)
    stream.receive(1, 0.0)
    assert server.asked("xreadgroup")[-1][2] == {STREAM: ">"}, "nothing was delivered"


def test_an_answer_that_broke_off_is_read_again_until_nothing_is_left(
    stream: RedisSource, server: Server
) -> None:
    """The server counts it as delivered: nobody else gets it."""
    deleted = (b"3-0", None)
    read(server, redis.ConnectionError("reset"), [*entries(1, 2), deleted], [], entries(4))
    with pytest.raises(redis.ConnectionError):
        stream.receive(1, 0.0)
    found = [one.handle for _ in range(2) for one in stream.receive(9, 0.0)]
    assert found == [b"1-0", b"2-0", b"4-0"]
    after = [call[2][STREAM] for call in server.asked("xreadgroup")]
    assert after == [">", "0", "0", ">"]
    assert server.asked("xack") == [(STREAM, GROUP, b"3-0")], "what was deleted meanwhile"


@pytest.mark.parametrize("form", ["list", "mapping", "wrapped"])
def test_each_form_of_an_answer_is_read(stream: RedisSource, server: Server, form: str) -> None:
    forms: dict[str, Any] = {
        "list": [[STREAM.encode(), entries(1, 2)]],
        "mapping": {STREAM.encode(): entries(1, 2)},
        "wrapped": {STREAM.encode(): [entries(1, 2)]},
    }
    server.answers["xreadgroup"] = [forms[form]]
    assert [one.handle for one in stream.receive(9, 0.0)] == [b"1-0", b"2-0"]


def test_what_a_dead_consumer_had_comes_before_what_is_new(
    stream: RedisSource, server: Server, dead: list[str]
) -> None:
    dead += ["ann", "ben"]
    server.answers["xpending_range"] = [[{"message_id": b"1-0"}], [], []]
    server.answers["xclaim"] = [entries(1)]
    stream._tidy_at = 2000.0
    assert [one.handle for one in stream.receive(9, 0.0)] == [b"1-0"]
    assert server.asked("xclaim") == [(STREAM, GROUP, "me", 0, [b"1-0"])]
    assert server.asked("xreadgroup") == []
    for _ in range(3):
        stream.receive(9, 0.0)
    asked = [call[5] for call in server.asked("xpending_range")]
    assert asked == ["ann", "ann", "ben"], "each until it has nothing left"


def test_what_was_abandoned_is_looked_for_now_and_then(
    stream: RedisSource, server: Server, clock: Clock
) -> None:
    server.answers["xautoclaim"] = [(b"0-0", entries(1), [])]
    assert [one.handle for one in stream.receive(5, 0.0)] == [b"1-0"]
    assert server.asked("xautoclaim") == [(STREAM, GROUP, "me", ABANDONED_MS, "0-0", 1)]
    for _ in range(2):
        stream.receive(5, 0.0)
    assert len(server.asked("xautoclaim")) == 2, "at once as long as there was some"
    clock.now += TIDY_SECONDS - 0.1
    stream.receive(5, 0.0)
    clock.now += 0.1
    stream.receive(5, 0.0)
    assert len(server.asked("xautoclaim")) == 3


@pytest.mark.parametrize(
    ("idle", "pending", "gone"), [(DEAD_MS + 1, 0, True), (DEAD_MS, 0, False), (10**9, 1, False)]
)
def test_who_is_dead_and_has_nothing_left_is_removed_from_the_group(
    stream: RedisSource, server: Server, idle: int, pending: int, gone: bool
) -> None:
    server.default["xinfo_consumers"] = [{"name": b"old", "idle": idle, "pending": pending}]
    stream.receive(1, 0.0)
    assert server.asked("xgroup_delconsumer") == ([(STREAM, GROUP, b"old")] if gone else [])


def test_what_is_acknowledged_is_deleted_with_it(stream: RedisSource, server: Server) -> None:
    messages: Any = [SimpleNamespace(handle=b"1-0"), SimpleNamespace(handle=b"2-0")]
    stream.acknowledge(messages)
    assert server.calls == [
        ("pipeline", True),
        ("xack", STREAM, GROUP, b"1-0", b"2-0"),
        ("xdel", STREAM, b"1-0", b"2-0"),
        ("execute",),
    ]


def test_who_leaves_sends_what_is_pending_again(stream: RedisSource, server: Server) -> None:
    server.answers["xpending_range"] = [[{"message_id": b"1-0"}]]
    server.answers["xrange"] = [entries(1)]
    stream.close()
    assert server.asked("xpending_range")[0][-1] == "me"
    assert server.asked("xadd") == [(STREAM, {b"body": b"xx"})]
    assert [call[0] for call in server.calls[-6:]] == [
        "xadd", "xack", "xdel", "execute", "xgroup_delconsumer", "close"
    ]  # fmt: skip
    assert ("pipeline", True) in server.calls, "all of it or nothing"


def test_a_source_without_a_name_has_one_of_its_own(server: Server) -> None:
    names = {RedisSource("redis://x", "mail")._consumer_id for _ in range(2)}
    assert len(names) == 2
    assert "" not in names


def test_an_entry_without_our_field_shows_what_it_has(stream: RedisSource, server: Server) -> None:
    read(server, [(b"1-0", {b"other": b"value"})])
    [message] = stream.receive(1, 0.0)
    assert message.body is None
    assert b"other" in message.shown
    read(server, entries(1))
    [message] = stream.receive(1, 0.0)
    assert (message.body, message.shown) == (b"xx", b"")
