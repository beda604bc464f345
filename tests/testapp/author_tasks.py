"""Tasks that use what a context offers to authors: commands, files, stages, warnings, retries."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from jobs import JobContext, job
from tests.living import watched_command

SAYS = [sys.executable, "-c", "print('one'); print('two')"]


@job(max_attempts=1)
def command_in_thread(context: JobContext, port: int) -> None:
    """Run a command that starts another, until both are ended."""
    _hold_tempdir(context, port)


@job(max_attempts=1, executor="process")
def command_in_process(context: JobContext, port: int) -> None:
    """The same in a child process."""
    _hold_tempdir(context, port)


@job(max_attempts=1)
async def command_in_loop(context: JobContext, port: int) -> None:
    """The same in a coroutine."""
    (context.tempdir / "scratch").write_text("x", encoding="utf-8")
    await context.arun(watched_command(port))


def _hold_tempdir(context: JobContext, port: int) -> None:
    (context.tempdir / "scratch").write_text("x", encoding="utf-8")
    context.run(watched_command(port))


@job(max_attempts=1)
def says(context: JobContext) -> str:
    """Run a command that says something."""
    return context.run(SAYS).output


@job(max_attempts=1, executor="process")
def says_in_process(context: JobContext) -> str:
    """The same in a child process."""
    return context.run(SAYS).output


@job(max_attempts=1)
async def says_in_loop(context: JobContext) -> str:
    """The same in a coroutine."""
    return (await context.arun(SAYS)).output


def _until_cancelled(context: JobContext, ledger: str) -> None:
    @context.on_cancel
    def stop() -> None:
        print("told to stop")
        with Path(ledger).open("a", encoding="utf-8") as file:
            file.write("stopped")

    context.stage("Waiting")
    while True:
        context.check_cancelled()


@job(max_attempts=1)
def until_cancelled(context: JobContext, ledger: str) -> None:
    """Write down that it was told to stop."""
    _until_cancelled(context, ledger)


@job(max_attempts=1, executor="process")
def until_cancelled_in_process(context: JobContext, ledger: str) -> None:
    """The same in a child process."""
    _until_cancelled(context, ledger)


@job(max_attempts=1)
async def until_cancelled_in_loop(context: JobContext, ledger: str) -> None:
    """The same as a coroutine."""

    @context.on_cancel
    def stop() -> None:
        with Path(ledger).open("a", encoding="utf-8") as file:
            file.write("stopped")

    context.stage("Waiting")
    await asyncio.Event().wait()


def _train(context: JobContext, epochs: int) -> dict[str, Any]:
    """Go on from the checkpoint of an earlier attempt; fail once, in the middle."""
    state = {"epoch": 0, "loss": 1.0}
    if "checkpoint.json" in context.artifacts:
        with context.open_artifact("checkpoint.json") as file:
            state = json.load(file)
    began_at = state["epoch"]
    for epoch in range(int(began_at) + 1, epochs + 1):
        context.stage("Training", epoch, of=epochs)
        state = {"epoch": epoch, "loss": 1 / (epoch + 1)}
        context.save_artifact("checkpoint.json", json.dumps(state))
        if epoch == 2 and context.attempt == 1:
            raise ConnectionError("the machine with the data is away")
    return {"began_at": began_at, **state}


@job(retry_on=ConnectionError)
def train(context: JobContext, epochs: int) -> dict[str, Any]:
    """A training loop."""
    return _train(context, epochs)


@job(retry_on=ConnectionError, executor="process")
def train_in_process(context: JobContext, epochs: int) -> dict[str, Any]:
    """The same in a child process."""
    return _train(context, epochs)


@job(retry_on=ConnectionError)
async def train_in_loop(context: JobContext, epochs: int) -> dict[str, Any]:
    """The same as a coroutine."""
    return _train(context, epochs)


def _import_people(context: JobContext, text: str) -> dict[str, int]:
    rows = list(csv.DictReader(io.StringIO(text)))
    context.stage("Checking", 1, of=2)
    good = []
    for number, row in enumerate(rows, start=2):
        if row["age"].isdecimal():
            good.append(row)
        else:
            context.warn(f"line {number}: {row['age']!r} is no age")
        context.progress(number - 1, len(rows), "rows")
    context.stage("Importing", 2, of=2)
    context.save_artifact("people: of today.txt", "\n".join(row["name"] for row in good))
    context.progress(len(good) - 1, len(good), "rows")
    return {"imported": len(good)}


@job(max_attempts=1)
def import_people(context: JobContext, text: str) -> dict[str, int]:
    """Import a table; what is wrong in it are warnings."""
    return _import_people(context, text)


@job(max_attempts=1, executor="process")
def import_people_in_process(context: JobContext, text: str) -> dict[str, int]:
    """The same in a child process."""
    return _import_people(context, text)


@job(max_attempts=1)
async def import_people_in_loop(context: JobContext, text: str) -> dict[str, int]:
    """The same as a coroutine."""
    return _import_people(context, text)


@job(max_attempts=5, give_up_on=LookupError)
def no_such_row() -> None:
    """Fail for good."""
    raise KeyError("row")


@job(max_attempts=5, give_up_on=LookupError, executor="process")
def no_such_row_in_process() -> None:
    """The same in a child process."""
    raise KeyError("row")


@job(max_attempts=5, give_up_on=LookupError)
async def no_such_row_in_loop() -> None:
    """The same as a coroutine."""
    raise KeyError("row")


@job(max_attempts=1)
def no_number() -> dict[str, Any]:
    """Return a number that JSON does not have."""
    return {"rows": [{"price": 1.5}, {"price": float("nan")}]}


@job(executor="process", max_attempts=1)
def start_plainly(port: int) -> None:
    """Start a program without any help, and say nothing while it runs."""
    subprocess.run(watched_command(port), check=False)
