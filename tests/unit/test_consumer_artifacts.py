"""Queries of a task that is a coroutine: they run beside its event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from jobs.consumer.artifacts import outside_of_event_loops


def test_without_a_loop_a_query_runs_where_it_is_asked() -> None:
    assert outside_of_event_loops(threading.current_thread) is threading.current_thread()


def test_in_a_loop_it_runs_in_another_thread_and_is_waited_for() -> None:
    async def ask() -> threading.Thread:
        return outside_of_event_loops(threading.current_thread)

    thread = asyncio.run(ask())
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_in_a_loop_its_error_is_raised_as_it_is() -> None:
    nothing: dict[str, str] = {}

    async def ask() -> str:
        return outside_of_event_loops(lambda: nothing["missing"])

    with pytest.raises(KeyError, match="missing"):
        asyncio.run(ask())
