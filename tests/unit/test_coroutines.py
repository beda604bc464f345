"""Coroutines of many jobs on one event loop: whatever one does, the others run on."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from jobs.consumer import coroutine, event_loop
from jobs.consumer.attempt import Attempt
from jobs.consumer.calls import CallsForOneThread
from jobs.consumer.coroutine import TimeLimit, run_coroutine
from jobs.errors import CannotStart
from jobs.lifecycle import Outcome
from tests.claims import make_claim
from tests.waiting import wait_until

Function = Callable[[], Coroutine[Any, Any, Any]]
SECONDS = 60.0


class Boom(BaseException):
    """What no ``except Exception`` catches."""


def attempt_of(timeout: float | None = SECONDS) -> Attempt:
    def settled(attempt: Attempt, outcome: Outcome) -> None: ...

    attempt = Attempt(make_claim(timeout=timeout), settled, "here:7")
    attempt.start_time_limit()
    return attempt


@pytest.fixture(autouse=True)
def own_loop() -> Iterator[None]:
    """Give each test a loop that no other test has touched."""
    event_loop.close_loop(SECONDS)
    yield
    event_loop.close_loop(SECONDS)


@pytest.fixture
def neighbour() -> Iterator[Callable[[], Any]]:
    """A job on the same loop, which waits until the test lets it return; then its value."""
    waits = threading.Event()
    stopped: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def wait_for_it() -> str:
        ended = asyncio.Event()
        stopped.append((asyncio.get_running_loop(), ended))
        waits.set()
        await ended.wait()
        return await asyncio.to_thread(str, "unharmed")

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run_coroutine, attempt_of(), wait_for_it())
        assert waits.wait(SECONDS)

        def finish() -> Any:
            loop, ended = stopped[0]
            loop.call_soon_threadsafe(ended.set)
            return future.result(SECONDS)

        yield finish
        if not future.done():
            finish()


def raises(error: BaseException) -> Function:
    async def main() -> None:
        await asyncio.sleep(0)
        raise error

    return main


def raises_beside(error: BaseException) -> Function:
    """Started beside, and awaited."""

    async def main() -> None:
        await asyncio.create_task(raises(error)())

    return main


def raises_forgotten(error: BaseException) -> Function:
    """Started beside, and awaited by nobody."""

    async def main() -> None:
        started = asyncio.create_task(raises(error)())
        await asyncio.Event().wait()
        await started

    return main


def raises_in_a_group(error: BaseException) -> Function:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
            group.create_task(raises(error)())

    return main


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError("mine"),
        GeneratorExit(),
        Boom(),
        ValueError("plain"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("way", [raises, raises_beside])
def test_what_a_coroutine_raises_ends_it_alone(
    neighbour: Callable[[], Any], error: BaseException, way: Callable[[BaseException], Function]
) -> None:
    with pytest.raises(type(error)):
        run_coroutine(attempt_of(), way(error)())

    assert neighbour() == "unharmed"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("way", [raises_forgotten, raises_in_a_group])
def test_what_would_end_a_program_ends_the_job_from_beside_it(
    neighbour: Callable[[], Any], error: BaseException, way: Callable[[BaseException], Function]
) -> None:
    """asyncio gives up its whole loop for these two."""
    with pytest.raises(type(error)):
        run_coroutine(attempt_of(), way(error)())

    assert neighbour() == "unharmed"


def test_other_errors_in_a_group_are_raised_as_a_group(neighbour: Callable[[], Any]) -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        run_coroutine(attempt_of(), raises_in_a_group(Boom())())

    assert isinstance(caught.value.exceptions[0], Boom)
    assert neighbour() == "unharmed"


async def stop_the_loop() -> str:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0)
    return "after"


async def exit_from_a_callback() -> str:
    asyncio.get_running_loop().call_soon(sys.exit, 3)
    await asyncio.sleep(0.01)
    return "after"


async def change_the_loop() -> str:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)
    loop.set_task_factory(lambda loop, made, **options: None)  # type: ignore[arg-type]
    return "after"


async def use_up_the_threads() -> str:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    await asyncio.get_running_loop().shutdown_default_executor()
    return "after"


@pytest.mark.parametrize("main", [stop_the_loop, exit_from_a_callback, change_the_loop])
def test_the_loop_survives(neighbour: Callable[[], Any], main: Function) -> None:
    assert run_coroutine(attempt_of(), main()) == "after"
    assert neighbour() == "unharmed"
    loop = event_loop.loop_thread().loop
    assert loop.get_exception_handler() is None
    assert run_coroutine(attempt_of(), raises_value()()) == 7


def raises_value() -> Function:
    async def main() -> int:
        return await asyncio.create_task(asyncio.to_thread(int, "7"))

    return main


def test_a_loop_without_threads_is_replaced() -> None:
    assert run_coroutine(attempt_of(), use_up_the_threads()) == "after"
    assert run_coroutine(attempt_of(), raises_value()()) == 7


def test_a_nested_loop_is_refused_as_python_refuses_it(neighbour: Callable[[], Any]) -> None:
    async def main() -> None:
        inner = asyncio.sleep(0)
        with contextlib.closing(inner):
            asyncio.run(inner)

    with pytest.raises(RuntimeError, match="cannot be called from a running event loop"):
        run_coroutine(attempt_of(), main())
    assert neighbour() == "unharmed"


def test_what_it_started_and_forgot_ends_with_it() -> None:
    ended = threading.Event()

    async def forgotten() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    started: list[Any] = []

    async def main() -> str:
        started.append(asyncio.create_task(forgotten()))
        await asyncio.sleep(0)
        return "done"

    assert run_coroutine(attempt_of(), main()) == "done"
    assert ended.is_set()


def test_what_refuses_to_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coroutine, "END_SECONDS", 0.05)
    let_go = threading.Event()

    async def main() -> None:
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.001)

    attempt = attempt_of(timeout=0.05)
    with pytest.raises(TimeLimit):
        run_coroutine(attempt, main())
    let_go.set()
    assert attempt.left_behind

    loop = event_loop.loop_thread()
    assert run_coroutine(attempt_of(), raises_value()()) == 7
    assert event_loop.loop_thread() is loop, "it does not block the loop, which stays"


def test_a_coroutine_that_blocks_the_loop_leaves_it_to_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coroutine, "END_SECONDS", 0.05)
    let_go = threading.Event()

    async def main() -> None:
        let_go.wait(SECONDS)

    attempt = attempt_of(timeout=0.05)
    with pytest.raises(TimeLimit):
        run_coroutine(attempt, main())
    assert attempt.left_behind
    assert run_coroutine(attempt_of(), raises_value()()) == 7
    let_go.set()


def test_a_cancel_ends_it_and_what_it_does_then_still_runs() -> None:
    attempt, cleaned = attempt_of(), []

    async def main() -> None:
        try:
            threading.Thread(target=attempt.request_cancel, args=("ada",)).start()
            await asyncio.Event().wait()
        finally:
            await sync_to_async(lambda: cleaned.append(threading.current_thread()))()

    with pytest.raises(asyncio.CancelledError):
        run_coroutine(attempt, main())

    assert cleaned == [threading.current_thread()]
    assert not attempt.left_behind


def test_a_cancel_that_comes_before_the_first_step_is_one() -> None:
    attempt = attempt_of()
    attempt.request_cancel("ada")

    with pytest.raises(asyncio.CancelledError):
        run_coroutine(attempt, asyncio.sleep(SECONDS))


def test_sync_code_runs_on_the_jobs_own_thread_and_back() -> None:
    seen = []

    async def inner() -> int:
        await sync_to_async(lambda: seen.append(threading.current_thread()))()
        return 7

    def sync_part() -> int:
        seen.append(threading.current_thread())
        return async_to_sync(inner)()

    async def main() -> int:
        return await sync_to_async(sync_part)()

    assert run_coroutine(attempt_of(), main()) == 7
    assert seen == [threading.current_thread()] * 2


def test_two_jobs_do_not_wait_for_each_others_sync_code() -> None:
    both = threading.Barrier(2)

    async def main() -> int:
        return await sync_to_async(both.wait)(SECONDS)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: run_coroutine(attempt_of(), main()), range(2)))
    assert sorted(found) == [0, 1]


def test_sync_code_over_the_limit_counts_as_a_stuck_thread() -> None:
    """Maintenance fails such an attempt and has the process replaced."""
    let_go = threading.Event()
    attempt = attempt_of(timeout=0.05)

    async def main() -> None:
        await sync_to_async(let_go.wait)(SECONDS)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run_coroutine, attempt, main())
        wait_until(attempt.is_overdue)
        let_go.set()
        with contextlib.suppress(TimeLimit):  # it may end in the same moment
            future.result(SECONDS)
    assert not attempt.is_overdue()


def test_threads_that_an_ended_job_has_blocked_are_not_waited_for() -> None:
    let_go = threading.Event()

    async def block_all() -> None:
        await asyncio.gather(*(asyncio.to_thread(let_go.wait, SECONDS) for _ in range(64)))

    with pytest.raises(TimeLimit):
        run_coroutine(attempt_of(timeout=0.05), block_all())
    assert run_coroutine(attempt_of(), raises_value()()) == 7
    let_go.set()


def test_an_attempts_context_is_its_own() -> None:
    own: ContextVar[str] = ContextVar("own", default="nothing")

    async def main() -> str:
        before = own.get()
        own.set(str(time.monotonic()))
        return before

    assert [run_coroutine(attempt_of(), main()) for _ in range(2)] == ["nothing"] * 2


def test_a_coroutine_for_which_there_is_no_loop_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise Python warns that it was never awaited, when it is collected."""

    def refuse() -> None:
        raise CannotStart("no loop", "no more threads")

    async def main() -> None: ...

    monkeypatch.setattr(coroutine, "loop_thread", refuse)
    made: Any = main()
    with pytest.raises(CannotStart):
        run_coroutine(attempt_of(), made)
    assert made.cr_frame is None


def test_calls_for_a_thread_end_with_its_job() -> None:
    calls = CallsForOneThread(lambda busy: None)
    ran: list[int] = []
    dropped = calls.submit(ran.append, 1)
    assert dropped.cancel()
    kept = calls.submit(ran.append, 2)
    assert not calls.wait_until(0.0), "its time is over"
    calls.give_up_in(0.0)
    assert not calls.wait_until(None)
    assert ran == []
    calls.shutdown()
    assert calls.wait_until(None)
    with pytest.raises(RuntimeError, match="The job has ended"):
        calls.submit(ran.append, 3)
    assert not kept.done()


def test_a_call_that_was_given_up_before_it_began_is_not_made() -> None:
    busy: list[bool] = []
    calls = CallsForOneThread(busy.append)
    ran: list[int] = []
    assert calls.submit(ran.append, 1).cancel()
    calls.submit(calls.shutdown)
    assert calls.wait_until(None)
    assert ran == []
    assert busy == [True, False, True, False]


def test_threads_of_a_coroutine_have_their_connections_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of asyncio's own executor would keep a transaction that a task left open."""
    around: list[Any] = []
    with_connections = event_loop._with_connections

    def note(*given: Any) -> Any:
        around.append(given[0])
        return with_connections(*given)

    monkeypatch.setattr(event_loop, "_with_connections", note)

    def work() -> int:
        return 7

    async def main() -> int:
        return await asyncio.to_thread(work)

    assert run_coroutine(attempt_of(), main()) == 7
    assert len(around) == 1
    event_loop.loop_thread().tidy(new_workers=True)
    assert run_coroutine(attempt_of(), main()) == 7
    assert len(around) == 2
