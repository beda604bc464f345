"""Tasks that leave something behind in the thread or the process they ran in."""

from __future__ import annotations

import asyncio
import decimal
import io
import sys
from contextvars import ContextVar
from typing import Any, Literal
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone, translation

from jobs import job

Way = Literal["atomic", "nested", "begin", "autocommit off", "fails as well"]
Executor = Literal["thread", "loop", "to_thread", "process"]

_own: ContextVar[str] = ContextVar("own", default="default")


def write_and_leave_open(way: Way, name: str) -> None:
    """Write a row in a transaction that is never ended."""
    if way == "begin":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
    elif way == "autocommit off":
        transaction.set_autocommit(False)
    else:
        for _ in range(2 if way == "nested" else 1):
            transaction.atomic().__enter__()
    User.objects.create(username=name)
    if way == "fails as well":
        raise ValueError("of its own")


@job(max_attempts=1)
def open_in_thread(way: Way, name: str) -> None:
    """Leave a transaction open."""
    write_and_leave_open(way, name)


@job(max_attempts=1, executor="process")
def open_in_process(way: Way, name: str) -> None:
    """Leave a transaction open, in a child process."""
    write_and_leave_open(way, name)


@job(max_attempts=1)
async def open_in_loop(way: Way, name: str) -> None:
    """Leave a transaction open on the thread of Django's asynchronous ORM."""
    await sync_to_async(write_and_leave_open)(way, name)


@job(max_attempts=1)
async def open_in_to_thread(way: Way, name: str) -> None:
    """Leave a transaction open on a thread of asyncio's."""
    await asyncio.to_thread(write_and_leave_open, way, name)


@job(max_attempts=1)
def commit_by_hand(name: str) -> None:
    """Switch autocommit off, commit, and forget to switch it on."""
    transaction.set_autocommit(False)
    User.objects.create(username=name)
    transaction.commit()


@job(max_attempts=1)
def add(name: str) -> int:
    """Write a row as one does; return the server's process, 0 on SQLite."""
    User.objects.create(username=name)
    return server_process()


@job(max_attempts=1, executor="process")
def add_in_process(name: str) -> int:
    """The same, in a child process."""
    User.objects.create(username=name)
    return server_process()


@job(max_attempts=1)
async def add_in_loop(name: str) -> int:
    """The same, by the asynchronous ORM."""
    await User.objects.acreate(username=name)
    return await sync_to_async(server_process)()


@job(max_attempts=1)
async def add_in_to_thread(name: str) -> int:
    """The same, on a thread of asyncio's."""
    await asyncio.to_thread(User.objects.create, username=name)
    return await asyncio.to_thread(server_process)


@job(max_attempts=1, executor="process")
async def add_in_loop_in_process(name: str) -> int:
    """The same, by the asynchronous ORM in a child process."""
    await User.objects.acreate(username=name)
    return await sync_to_async(server_process)()


def server_process() -> int:
    """Return the process that serves this thread's connection; 0 on SQLite, which has none."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def raise_named(name: str) -> None:
    """Raise what no ``except Exception`` catches."""
    kinds: dict[str, BaseException] = {
        "SystemExit": SystemExit(3),
        "KeyboardInterrupt": KeyboardInterrupt("mine"),
        "GeneratorExit": GeneratorExit("mine"),
        "asyncio.exceptions.CancelledError": asyncio.CancelledError("mine"),
    }
    raise kinds[name]


@job(max_attempts=1)
async def raise_in_loop(name: str, beside: bool) -> None:
    """Raise it in the coroutine, or in one that it starts."""

    async def raise_it() -> None:
        await asyncio.sleep(0)
        raise_named(name)

    await (asyncio.create_task(raise_it()) if beside else raise_it())


@job(max_attempts=1, executor="process")
async def raise_in_loop_in_process(name: str, beside: bool) -> None:
    """The same, in a child process."""
    await raise_in_loop.func(name, beside)


@job(max_attempts=1)
def raise_in_thread(name: str, beside: bool) -> None:
    """The same, in a thread."""
    raise_named(name)


def look_and_change() -> list[Any]:
    """Return what belongs to the context, then change all of it."""
    seen = [
        timezone.get_current_timezone_name(),
        translation.get_language(),
        decimal.getcontext().prec,
        _own.get(),
    ]
    timezone.activate(ZoneInfo("Asia/Tokyo"))
    translation.activate("de")
    decimal.getcontext().prec = 5
    _own.set("changed")
    return seen


@job
def context_in_thread() -> list[Any]:
    """Change the context of a thread."""
    return look_and_change()


@job(executor="process")
def context_in_process() -> list[Any]:
    """Change the context of a child process."""
    return look_and_change()


@job
async def context_in_loop() -> list[Any]:
    """Change the context of a coroutine, and of the thread of the ORM."""
    return [*await sync_to_async(look_and_change)(), *look_and_change()][:4]


@job(max_attempts=1)
def assign_streams() -> None:
    """Leave other streams in the place of standard output and error."""
    sys.stdout = sys.stderr = io.StringIO()


@job(max_attempts=1)
def print_a_line() -> None:
    """Print."""
    print("printed afterwards")
