"""What a task's threads write is its job's; a thread that outlives it writes to no job's log."""

from __future__ import annotations

import asyncio
import io
import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from typing import Any

import pytest

from jobs.brokers.publisher import Publisher
from jobs.consumer.capture import captured
from tests.unit.recorded_output import Capture, RecordedOutput

SECONDS = 10


@pytest.fixture
def real() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def output(real: io.StringIO) -> Iterator[RecordedOutput]:
    capture = Capture(stdout=real)
    yield RecordedOutput(capture)
    capture.end()


class Subclass(threading.Thread):
    def run(self) -> None:
        print("said")


def run_subclass() -> None:
    thread = Subclass()
    thread.start()
    thread.join()


def run_thread() -> None:
    thread = threading.Thread(target=print, args=("said",))
    thread.start()
    thread.join()


def run_timer() -> None:
    timer = threading.Timer(0, print, ["said"])
    timer.start()
    timer.join()


def run_in_a_pool() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(print, "said").result(SECONDS)


def run_a_callback_of_a_future() -> None:
    def wait() -> bool:
        return go.wait(SECONDS)

    go = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(wait).add_done_callback(lambda future: print("said"))
        go.set()


def run_in_multiprocessings_pool() -> None:
    with ThreadPool(1) as pool:
        pool.map(print, ["said"])


def run_to_thread() -> None:
    asyncio.run(asyncio.to_thread(print, "said"))


def run_in_executor() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, print, "said")

    asyncio.run(main())


def run_a_thread_of_a_thread() -> None:
    thread = threading.Thread(target=run_thread)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "task",
    [
        run_subclass,
        run_thread,
        run_timer,
        run_in_a_pool,
        run_a_callback_of_a_future,
        run_in_multiprocessings_pool,
        run_to_thread,
        run_in_executor,
        run_a_thread_of_a_thread,
    ],
)
def test_a_tasks_threads_write_to_its_log(
    output: RecordedOutput, real: io.StringIO, task: Callable[[], None]
) -> None:
    output.run(task)
    assert output.text == "said\n"
    assert real.getvalue() == ""


def test_a_tasks_threads_log_to_its_log(output: RecordedOutput) -> None:
    def task() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(logging.getLogger("tests.threads").info, "logged").result(SECONDS)

    output.run(task)
    assert output.text == "INFO tests.threads: logged\n"


def test_a_shared_pool_writes_for_whoever_submits(
    output: RecordedOutput, real: io.StringIO
) -> None:
    other = RecordedOutput(output.capture)
    with ThreadPoolExecutor(1) as pool:  # its only thread is started by the first
        output.run(lambda: pool.submit(print, "first").result(SECONDS))
        other.run(lambda: pool.submit(print, "second").result(SECONDS))
        pool.submit(print, "nobody").result(SECONDS)
        output.run(lambda: pool.submit(print, "first again").result(SECONDS))
    assert (output.text, other.text) == ("first\nfirst again\n", "second\n")
    assert real.getvalue() == "nobody\n"


def test_a_thread_that_outlives_its_task_writes_to_no_log(
    output: RecordedOutput, real: io.StringIO
) -> None:
    ended, other = threading.Event(), RecordedOutput(output.capture)

    def go_on() -> None:
        print("during")
        ended.wait(SECONDS)
        print("after")

    def task() -> threading.Thread:
        thread = threading.Thread(target=go_on)
        thread.start()
        return thread

    thread = output.run(task)
    output.settled = True
    other.run(ended.set)
    thread.join()
    assert (output.text, other.text, real.getvalue()) == ("during\n", "", "after\n")


def test_results_and_errors_come_through(output: RecordedOutput) -> None:
    def task() -> Any:
        with ThreadPoolExecutor(1) as pool:
            with pytest.raises(ZeroDivisionError):
                pool.submit(lambda: 1 / 0).result(SECONDS)
            return pool.submit(int, "11", base=2).result(SECONDS)

    assert output.run(task) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_writes_to_the_real_stream(output: RecordedOutput) -> None:
    """Its copy of the attempt is read by nobody, and a lock in it may be held for ever."""

    def child(sender: Any) -> None:
        real = io.StringIO()
        kind = type(sys.stdout).__name__
        sys.stdout = real
        print("printed")
        sender.send((kind, real.getvalue(), type(logging.Logger.handle).__name__))

    def task() -> Any:
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(target=child, args=(sender,))
        process.start()
        assert receiver.poll(SECONDS)
        process.join(SECONDS)
        assert process.exitcode == 0
        return receiver.recv()

    assert output.run(task) == ("StringIO", "printed\n", "function")
    assert output.text == ""


def test_afterwards_threads_are_as_before() -> None:
    before = (threading.Thread.start, ThreadPoolExecutor.submit)
    with captured():
        assert (threading.Thread.start, ThreadPoolExecutor.submit) != before
    assert (threading.Thread.start, ThreadPoolExecutor.submit) == before


def test_the_thread_that_sends_wake_ups_is_no_tasks(
    output: RecordedOutput, real: io.StringIO
) -> None:
    """It begins when something is enqueued for the first time, perhaps by a task."""
    publisher = Publisher("test", lambda batch: print("sending"))

    def task() -> None:
        publisher.warm_up()
        assert publisher.flush(SECONDS)

    output.run(task)
    assert (output.text, real.getvalue()) == ("", "sending\n")
