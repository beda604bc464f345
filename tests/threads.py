"""Runs a function in many threads at once, each with its own database connection."""

from __future__ import annotations

from collections.abc import Callable
from threading import Barrier, Thread
from typing import TypeVar

from django.db import connections

T = TypeVar("T")
DEADLINE = 60.0


def in_threads(count: int, run: Callable[[int], T]) -> list[T]:
    """Call ``run(number)`` in ``count`` threads that start together; return the results in order.

    Raises:
        BaseException: the first error of any thread.
    """
    results: dict[int, T] = {}
    errors: list[BaseException] = []
    barrier = Barrier(count)

    def work(number: int) -> None:
        try:
            barrier.wait(DEADLINE)
            results[number] = run(number)
        except BaseException as error:  # noqa: BLE001  (raised in the test's thread)
            errors.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=work, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    if errors:
        raise errors[0]
    return [results[number] for number in range(count)]
