"""Nobody waits for a broker to say how much it holds."""

from __future__ import annotations

import threading

import pytest

from jobs.brokers import depth_cache
from jobs.brokers.depth_cache import DepthCache
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def always_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth_cache, "FRESH_SECONDS", 0.0)


def test_the_first_call_returns_nothing_and_a_later_one_the_depths() -> None:
    cache = DepthCache({"a": 3, "b": 0}.get)
    assert cache.of(["a", "b"]) == {}
    wait_until(lambda: cache.of(["a", "b"]) == {"a": 3, "b": 0})


def test_a_broker_that_hangs_is_asked_once_and_no_caller_waits() -> None:
    go, asked = threading.Event(), []

    def ask(queue: str) -> int:
        asked.append(queue)
        assert go.wait(60)
        return 1

    cache = DepthCache(ask)
    for _ in range(5):
        assert cache.of(["a"]) == {}
    wait_until(lambda: asked)
    assert asked == ["a"]
    go.set()
    wait_until(lambda: cache.of(["a"]) == {"a": 1})


def test_a_broker_that_fails_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([RuntimeError("away"), None, 7])

    def ask(queue: str) -> int | None:
        answer = next(answers, 7)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cache = DepthCache(ask)
    wait_until(lambda: cache.of(["a"]) == {"a": 7})
    monkeypatch.setattr(depth_cache, "OLD_SECONDS", 0.0)
    assert cache.of(["a"]) == {}
