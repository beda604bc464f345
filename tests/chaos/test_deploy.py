"""A rolling deploy: the database is migrated while the version before it runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jobs.core.states import FINAL
from tests.brokers.servers import Setup
from tests.chaos.arena import ON_SQLITE, Arena
from tests.consumers import ROOT, ConsumerHandle
from tests.waiting import wait_until

pytestmark = pytest.mark.processes
SETUPS = [ON_SQLITE, Setup("postgres", database="postgres")]

FIELD = '    colour = models.CharField(max_length=9, db_default="red")\n'
INDEX = '            models.Index(fields=["colour", "id"], name="jobs_job_colour"),\n'
HEAD = """from django.db import migrations, models
from jobs.core.online_index import AddIndexOnline


class Migration(migrations.Migration):
    dependencies = [("jobs", "{after}")]
"""
LAST = max(path.stem for path in (ROOT / "jobs" / "migrations").glob("0*.py"))
MIGRATIONS = {
    "9001_colour": HEAD.format(after=LAST)
    + """    operations = [
        migrations.AddField("job", "colour", models.CharField(max_length=9, db_default="red"))
    ]
""",
    "9002_by_colour": HEAD.format(after="9001_colour")
    + """    atomic = False
    operations = [
        AddIndexOnline("job", models.Index(fields=["colour", "id"], name="jobs_job_colour"))
    ]
""",
}


def next_version(folder: Path) -> Path:
    """Copy the project; its jobs have a column and an index more."""
    code = folder / "next"
    for name in ("jobs", "webapp", "templates", "tests"):
        shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", code)
    model = code / "jobs" / "models" / "job.py"
    text = model.read_text("utf-8")
    for before, added in (("    unique_key =", FIELD), ("            models.Index(\n", INDEX)):
        assert before in text
        text = text.replace(before, added + before, 1)
    model.write_text(text, "utf-8")
    for name, migration in MIGRATIONS.items():
        (code / "jobs" / "migrations" / f"{name}.py").write_text(migration, "utf-8")
    return code


def manage(arena: Arena, code: Path, *arguments: str) -> None:
    """Run a command of one version."""
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=True,
        cwd=code,
        env=arena.environment(PYTHONPATH=str(code)),
        stdout=subprocess.DEVNULL,
    )


def ended_by(arena: Arena, consumer: ConsumerHandle) -> int:
    """How many jobs a consumer has finished."""
    rows = arena.rows("SELECT consumer FROM jobs_attempt WHERE outcome = 'succeeded'")
    return sum(label.endswith(f":{consumer.pid}") for (label,) in rows)


def wait_for_more(arena: Arena, *consumers: ConsumerHandle) -> None:
    """Wait until each of them has run some jobs more."""
    goals = [(one, ended_by(arena, one) + 5) for one in consumers]
    wait_until(
        lambda: all(ended_by(arena, one) >= goal for one, goal in goals),
        timeout=120,
        what="jobs that both versions run",
    )


@pytest.mark.parametrize("arena", [setup.parameter() for setup in SETUPS], indirect=True)
def test_two_versions_run_side_by_side_while_the_tables_change(arena: Arena) -> None:
    code = next_version(arena.folder)
    manage(arena, code, "makemigrations", "--check", "--dry-run")
    arena.serve()
    old = arena.consume("--concurrency", "2")
    enough = threading.Event()
    submitting = threading.Thread(target=_submit_jobs, args=(arena, enough))
    submitting.start()
    try:
        wait_for_more(arena, old)
        manage(arena, code, "migrate", "--verbosity", "0")
        wait_for_more(arena, old)
        new = arena.consume("--concurrency", "2", code=code)
        wait_for_more(arena, old, new)
        arena.serve(code=code)
        wait_for_more(arena, old, new)
        assert old.stop() == 0
        wait_for_more(arena, new)
    finally:
        enough.set()
        submitting.join(60)

    wait_until(lambda: not arena.unfinished(), what="the end of all jobs")
    assert {job.status for job in arena.records().jobs} <= FINAL
    assert arena.rows("SELECT status, failures, colour FROM jobs_job GROUP BY 1, 2, 3") == [
        ("succeeded", 0, "red")
    ]
    assert [line for line in [*old.log, *new.log] if "Traceback" in line] == []
    assert _violations(arena) == []
    manage(arena, code, "migrate", "jobs", LAST, "--verbosity", "0")


def _submit_jobs(arena: Arena, enough: threading.Event) -> None:
    while not enough.wait(0.02):
        arena.submit("work", stop=enough, seconds=0.02)


def _violations(arena: Arena) -> list[str]:
    found = arena.violations()
    if arena.setup.database == "sqlite":
        # SQLite makes the table anew to add a column that may not be NULL; the arena's trigger,
        # which notes each change, goes with the old one.
        found = [one for one in found if "ends, " not in one.text]
    return [str(one) for one in found]
