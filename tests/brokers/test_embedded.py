"""``call_command("runconsumers")`` returns, and leaves the process as it was."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from jobs.models import Consumer
from tests.brokers.servers import Setup, address
from tests.consumers import stored, wait_status
from tests.testapp import leaving, tasks
from tests.threads import in_threads
from tests.waiting import wait_until

SETUPS = [
    Setup("sqlite"),
    Setup("postgres", database="postgres"),
    Setup("redis", broker="redis"),
]

pytestmark = pytest.mark.parametrize("setup", [each.parameter() for each in SETUPS], indirect=True)


@pytest.fixture(autouse=True)
def project_files(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give child processes the data folder of this test."""
    monkeypatch.setenv("JOBS_TEST_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    if setup.database == "postgres":  # the server; the name of the database is not in the settings
        monkeypatch.setenv("DATABASE_URL", address("postgres"))


def surroundings() -> dict[str, Any]:
    """What a consumer changes in its process while it runs."""
    return {
        # A publisher belongs to the site; it sends what is enqueued.
        "threads": {one.name for one in threading.enumerate()} - {"publisher"},
        "handlers": [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)],
        "streams": (sys.stdout, sys.stderr),
        "logging": list(logging.getLogger().handlers),
    }


def run_until_idle(**options: Any) -> None:
    call_command("runconsumers", until_idle=True, concurrency=2, **options)


def test_it_runs_every_kind_of_task_and_returns_as_often_as_it_is_called() -> None:
    before = surroundings()
    for number in range(2):
        results = [
            task.enqueue(f"{task.name}-{number}")
            for task in (leaving.add, leaving.add_in_loop, leaving.add_in_process)
        ]

        run_until_idle()

        jobs = [stored(result.id) for result in results]
        assert [(job.status, job.error_message) for job in jobs] == [("succeeded", "")] * 3
        assert surroundings() == before
    assert User.objects.filter(username__contains="-").count() == 6, "in the test's own database"
    assert not Consumer.objects.exists()
    assert other_connections() == 0


def other_connections() -> int:
    """How many connections PostgreSQL has to this database, beside ours."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(cursor.fetchone()[0])


def test_a_task_that_exits_does_not_end_it() -> None:
    result = tasks.leave.enqueue()
    run_until_idle()
    assert stored(result.id).error_type == "SystemExit"


def test_it_returns_though_a_thread_is_stuck(tmp_path: Path) -> None:
    stuck = tasks.late.enqueue(str(tmp_path / "go"))
    run_until_idle()
    (tmp_path / "go").touch()
    assert stored(stuck.id).error_type == "Timeout"
    wait_until(lambda: not any(one.name.startswith("job_") for one in threading.enumerate()))


def test_a_signal_ends_it_and_is_the_callers_again_afterwards(tmp_path: Path) -> None:
    before = surroundings()
    result = tasks.hold.enqueue(str(tmp_path / "go"))

    def stop() -> None:
        wait_status(result.id, "running")
        os.kill(os.getpid(), signal.SIGTERM)
        (tmp_path / "go").touch()
        connection.close()

    stopper = threading.Thread(target=stop)
    stopper.start()
    call_command("runconsumers")
    stopper.join()

    assert stored(result.id).status == "succeeded"
    assert surroundings() == before


def test_it_runs_off_the_main_thread() -> None:
    result = tasks.square.enqueue(3)
    in_threads(1, lambda _: run_until_idle())
    assert stored(result.id).result == 9


def test_inside_a_transaction_it_says_what_to_use() -> None:
    with transaction.atomic(), pytest.raises(CommandError, match=r"jobs\.testing\.drain\(\)"):
        run_until_idle()


def test_several_processes_would_use_another_database() -> None:
    with pytest.raises(CommandError, match="project's own database"):
        run_until_idle(processes=2)
