"""The tasks of the shop, and one for each thing that a task may do in a test."""

import asyncio
import logging
import os
import sys
import time
from datetime import date

from django.db import IntegrityError, close_old_connections, connection, transaction
from django.utils import timezone

from jobs import InputFile, JobContext, job
from jobs.compat import task
from jobs.errors import GiveUp
from jobs.lifecycle import cancel_job
from jobs.models import Job

from .models import Item

logger = logging.getLogger(__name__)


@job
def add(context: JobContext, name: str, day: date | None = None) -> dict[str, str]:
    """Add an item, and say so in every way."""
    print("adding", name)
    logger.warning("logged")
    context.log("told")
    context.progress(1, 2, "half")
    context.save_artifact("item.txt", name)
    item = Item.objects.create(name=name)
    return {"name": str(item), "day": str(day)}


@job(priority=5)
async def count(context: JobContext) -> int:
    """Count the items, as a coroutine."""
    print("counting")
    await Item.objects.acreate(name="by a coroutine")
    return await Item.objects.acount()


@job(executor="process")
def process() -> int:
    """Return the process."""
    return os.getpid()


@job(max_attempts=1)
def twice(name: str, catch: bool = False, in_atomic: bool = False) -> int:
    """Add an item whose name is taken, after another."""
    Item.objects.create(name="before")
    try:
        if in_atomic:
            with transaction.atomic():
                Item.objects.create(name="undone")
                Item.objects.create(name=name)
        Item.objects.create(name=name)
    except IntegrityError:
        if not catch:
            raise
    with transaction.atomic():
        Item.objects.create(name="after")
    return Item.objects.count()


@job(max_attempts=1)
def broken_sql() -> None:
    """Execute what no database knows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")


@job
def after_commit() -> list[str]:
    """Note when callbacks come."""
    seen = []
    transaction.on_commit(lambda: seen.append("at once"))
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append("committed"))
        seen.append("inside")
    with transaction.atomic(durable=True):
        pass
    close_old_connections()
    connection.close()
    return [*seen, str(connection.in_atomic_block), str(Item.objects.count())]


@job
def iterate() -> list[str]:
    """Read with a cursor on the server, where there is one, and write meanwhile."""
    seen = []
    for item in Item.objects.order_by("pk").iterator(chunk_size=1):
        seen.append(item.name)
        Item.objects.filter(pk=item.pk).update(name=f"seen {item.name}")
    return seen


@job(max_attempts=1)
def without_atomic() -> None:
    """Lock rows without a transaction, which no database would do."""
    Item.objects.select_for_update().first()


@job(max_attempts=1)
def leave_open() -> None:
    """Begin a transaction and do not end it."""
    transaction.atomic().__enter__()
    Item.objects.create(name="never committed")


@job
def parent(number: int = 2) -> None:
    """Enqueue others."""
    for n in range(number):
        child.using(priority=n).enqueue(n)


@job(queue="mail")
def child(n: int) -> int:
    """Return the number."""
    return n


@job
def endless() -> None:
    """Enqueue itself."""
    endless.enqueue()


@job
def cancel_itself(context: JobContext) -> None:
    """Ask for its own cancel, and go on until it is told."""
    import uuid

    cancel_job(uuid.UUID(context.job_id), by="itself")
    for n in range(100):
        context.progress(n, 100)
    raise AssertionError("It was not told.")


@job
async def cancel_coroutine(context: JobContext) -> None:
    """Ask for its own cancel, and wait."""
    await Job.objects.filter(pk=context.job_id).aupdate(
        cancel_requested=True, cancelled_by="itself"
    )
    await asyncio.Event().wait()


@job
def obedient(context: JobContext) -> str:
    """Look for a cancel."""
    context.check_cancelled()
    return "went on"


@job(timeout=0.05, max_attempts=1)
def slow() -> str:
    """Take too long."""
    time.sleep(0.06)
    return "too late"


@job(timeout=0.05, max_attempts=1)
async def slow_coroutine() -> None:
    """Take for ever."""
    await asyncio.Event().wait()


@job(max_attempts=3)
def flaky(context: JobContext, times: int = 1) -> int:
    """Fail the first times."""
    if context.attempt <= times:
        raise ValueError(f"failure {context.attempt}")
    return context.attempt


@job(give_up_on=ValueError)
def particular(context: JobContext) -> None:
    """Use the folder of the attempt, and fail for good."""
    (context.tempdir / "file").write_text("text")
    context.log(str(context.tempdir))
    raise ValueError("for good")


@job(max_attempts=1)
def leave() -> None:
    """Leave."""
    sys.exit("goodbye")


@job(max_attempts=1)
async def leave_loop() -> None:
    """Leave the event loop."""
    sys.exit("goodbye")


@job
def hopeless() -> None:
    """Give up."""
    raise GiveUp("no such address")


@job(max_attempts=1)
def no_json() -> object:
    """Return what is no JSON."""
    return object()


@job
def large() -> str:
    """Return more than a row holds."""
    return "x" * 100_000


@job
def read(file: InputFile) -> str:
    """Return the file's name and content."""
    return f"{file.name}: {file.path.read_text()}"


@job(permission="staff")
def now() -> str:
    """Return the time."""
    return timezone.now().isoformat()


@job(backend="eager")
def nested(n: int) -> int:
    """Enqueue a smaller one, which runs before this goes on."""
    print("level", n)
    return n + (nested.enqueue(n - 1).return_value if n else 0)


@task
def plain(a: int, b: int = 2) -> int:
    """A task of Django's own."""
    return a + b


@task(takes_context=True)
def plain_attempt(context, a: int) -> list[int]:
    """A task of Django's own, with its context."""
    return [context.attempt, a]
