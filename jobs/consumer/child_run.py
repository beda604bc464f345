"""One run inside a child process."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from django.db import close_old_connections

from jobs.catalog.registry import load_task
from jobs.errors import JobsError

from .attempt import current
from .call import Order, prepare
from .child_protocol import ChildReporter, Wire
from .result import Answer, answer_error, answer_unfit, answer_value


def run(order: Order, reporter: ChildReporter, wire: Wire) -> None:
    """Run what the parent ordered and send how it ended."""
    token = current.set(reporter)
    close_old_connections()
    try:
        answer = _answer(order, reporter, wire)
    finally:
        current.reset(token)
        close_old_connections()
    reporter.flush()
    wire.send(answer=asdict(answer))


def _answer(order: Order, reporter: ChildReporter, wire: Wire) -> Answer:
    try:
        call = prepare(order, load_task(order.task, order.module_path), reporter)
    except JobsError as error:
        return answer_unfit(error)
    except BaseException as error:  # noqa: BLE001  (a model's validator is anybody's code)
        return answer_error(error)
    wire.send(begun=True)
    try:
        value = asyncio.run(call()) if call.is_coroutine else call()
        return answer_value(value, reporter)
    except BaseException as error:  # noqa: BLE001  (SystemExit too ends the task, not us)
        return answer_error(error)
