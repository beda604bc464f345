"""How many connections to PostgreSQL each process has: what ``database.md`` says, counted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.brokers.servers import Setup
from tests.consumers import ROOT, Consumers
from tests.testapp import connected
from tests.waiting import wait_until

pytestmark = pytest.mark.processes

PAGE = (ROOT / "jobs" / "docs" / "database.md").read_text(encoding="utf-8")
OWN, RETENTION = 2, 1
"""What a consumer process keeps, and what it has for moments."""
SETUP = Setup("postgres", database="postgres")
SLOTS, PROCESSES = 2, 2


def documented() -> dict[str, tuple[int, int]]:
    """By process: how many connections it has at the start, and at most."""
    table = PAGE.partition("<!-- connections -->\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (.*?) \| (\d+) \| (\d+)", table, re.MULTILINE)
    return {name.replace("`", ""): (int(start), int(most)) for name, start, most in rows}


def number(name: str, option: str) -> int:
    """The value of an option in the name of a row."""
    return int(re.findall(rf"--{option} (\d+)", name)[0])


def test_the_table_is_computed_from_what_is_counted_below() -> None:
    rows = documented()
    assert len(rows) > 6
    for name, found in rows.items():
        if name.startswith("runconsumers"):
            slots = number(name, "concurrency") * (2 if "mixed" in name else 1)
            processes = number(name, "processes") if "--processes" in name else 1
            assert found == (processes * OWN, processes * (OWN + RETENTION + slots)), name
        if name.startswith("gunicorn"):
            threads = number(name, "threads") if "--threads" in name else 1
            assert found == (0, threads * number(name, "workers")), name


def count() -> int:
    """Connections to this database, but for this one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


def wait_count(expected: int) -> None:
    wait_until(lambda: count() == expected, what=f"{expected} connections, there are {count()}")


@pytest.mark.parametrize("setup", [SETUP.parameter()], indirect=True)
def test_a_consumer_has_one_for_each_slot_and_few_of_its_own(
    consumers: Consumers, tmp_path: Path
) -> None:
    options = ("--processes", str(PROCESSES), "--concurrency", str(SLOTS))
    consumers.start(*options, ready=PROCESSES)
    wait_count(PROCESSES * OWN)

    def count_while_all_slots_run(task: Any) -> int:
        folder = tmp_path / task.func.__name__
        folder.mkdir()
        names = [str(n) for n in range(PROCESSES * SLOTS)]
        for name in names:
            task.enqueue(name, str(folder))
        wait_until(lambda: all((folder / name).exists() for name in names), what="all run")
        found = count()
        (folder / "go").touch()
        return found

    slots = PROCESSES * SLOTS
    assert count_while_all_slots_run(connected.without) == PROCESSES * OWN
    assert count_while_all_slots_run(connected.connected_in_thread) == PROCESSES * OWN + slots
    assert count_while_all_slots_run(connected.connected_in_process) == PROCESSES * OWN + 2 * slots
    assert count_while_all_slots_run(connected.connected_in_loop) == PROCESSES * OWN + 2 * slots
