"""What ``movedatabase`` refuses, and how it goes on after it was stopped, from file to file."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, connections
from django.utils import timezone

from jobs import lifecycle
from jobs.core.database_url import sqlite
from jobs.core.private_files import database_files
from jobs.core.states import Status
from jobs.management.move import aliases, copying, verify
from jobs.management.move.rows import RowWriter
from jobs.management.move.state import MoveState
from jobs.models import Attempt, Job, LogChunk, Token
from tests.brokers.servers import address, default_database, postgres_config
from tests.factories import make_consumer, make_job, make_upload, make_user


def quick(path: Path) -> dict[str, Any]:
    """Settings of a file; nothing here is to survive a power cut."""
    config = sqlite(path)
    config["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"
    return config


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any) -> Path:
    """A file with empty tables."""
    path: Path = tmp_path_factory.mktemp("migrated") / "db.sqlite3"
    with django_db_blocker.unblock(), default_database(quick(path)):
        call_command("migrate", verbosity=0)
        connection.close()
    ContentType.objects.clear_cache()
    return path


@pytest.fixture
def old(
    migrated: Path,
    tmp_path: Path,
    django_db_blocker: Any,
    jobs_setting: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """The old database, which is ``default``."""
    path = tmp_path / "old.sqlite3"
    shutil.copy(migrated, path)
    jobs_setting(LEASE_SECONDS=1)
    monkeypatch.setattr(aliases, "LOCK_SECONDS", 0.2)
    with django_db_blocker.unblock(), default_database(quick(path)):
        yield path
    ContentType.objects.clear_cache()


@pytest.fixture
def new(migrated: Path, tmp_path: Path) -> Path:
    """The new database: its tables are there and empty, which makes the tests quicker."""
    path = tmp_path / "new.sqlite3"
    shutil.copy(migrated, path)
    return path


def move(new: Path, *options: str) -> str:
    """Run the command; return what it says."""
    out = io.StringIO()
    call_command("movedatabase", f"sqlite:///{new}", *options, stdout=out)
    return out.getvalue()


def rows_of(path: Path, table: str) -> int:
    with sqlite3.connect(path) as db:
        found: int = db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    db.close()
    return found


def in_new(path: Path) -> Any:
    return default_database(quick(path))


def fill(chunks: int = 0) -> Job:
    """Rows of several tables."""
    ada = make_user()
    Token.objects.issue(ada)
    make_upload(ada)
    job = make_job(owner=ada, status=Status.FAILED)
    Attempt.objects.create(job=job, number=1, ended_at=timezone.now(), outcome="failed")
    LogChunk.objects.bulk_create(LogChunk(job=job, start=n, text=str(n)) for n in range(chunks))
    return job


def test_the_moved_database_is_used_as_the_old_one_was(old: Path, new: Path) -> None:
    fill()
    made = {status: make_job(status=status).pk for status in Status}
    said = move(new)
    assert f"set DATABASE_URL=sqlite:///{new}" in said
    assert "they stay in the data folder" in said
    with in_new(new):
        assert {job.status: job.pk for job in Job.objects.filter(pk__in=made.values())} == made
        consumer = lifecycle.register("here", 1, ["default"], 8)
        claims = lifecycle.claim_jobs("default", 9, consumer, timezone.now())
        assert [claim.id for claim in claims] == [made[Status.QUEUED]]
        assert User.objects.get().username == "ada"
        out = io.StringIO()
        call_command("migrate", check_unapplied=True, stdout=out)
        assert "jobdesk_move" not in connection.introspection.table_names()


def test_a_dry_run_counts_and_makes_nothing(old: Path, new: Path) -> None:
    new.unlink()
    fill(12)
    said = move(new, "--dry-run")
    assert "12  jobs_logchunk" in said
    assert "Nothing was changed" in said
    assert not new.exists()


def test_a_table_without_a_model_is_named(old: Path, new: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE of_nobody (n int)")
    assert "no model describes it: of_nobody" in move(new)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("mysql://u:hush@h/d", "starts with 'mysql', which is not served"),
        ("elsewhere", "Or name an alias"),
        ("default", "is the old one"),
        ("sqlite:////no/such/folder/db.sqlite3", "cannot be used"),
        ("postgres://u:hush@127.0.0.1:1/d", "cannot be used"),
    ],
)
def test_a_target_that_cannot_be_is_refused(old: Path, given: str, words: str) -> None:
    with pytest.raises(CommandError, match=words) as caught:
        call_command("movedatabase", given, stdout=io.StringIO())
    assert "hush" not in str(caught.value)


def test_an_unknown_old_database_is_refused(old: Path, new: Path) -> None:
    with pytest.raises(CommandError, match="No such database: 'other'"):
        move(new, "--database=other")


def test_a_database_with_rows_is_not_overwritten(old: Path, new: Path) -> None:
    with in_new(new):
        make_user("someone")
        connection.close()
    with pytest.raises(CommandError, match="not empty: auth_user have rows"):
        move(new)
    assert rows_of(new, "auth_user") == 1


def test_a_file_that_is_not_there_is_made(old: Path, new: Path) -> None:
    new.unlink()
    fill()
    move(new)
    assert rows_of(new, "jobs_job") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_a_file_that_is_made_is_for_one_from_the_first_moment(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It will have the hashes of passwords and tokens, and a move may take hours."""
    new.unlink()
    modes: list[int] = []
    create = MoveState.create

    def look(state: MoveState) -> None:
        modes.append(stat.S_IMODE(new.stat().st_mode))
        create(state)
        modes.extend(stat.S_IMODE(one.stat().st_mode) for one in database_files(new))
        raise OperationalError("the power fails")

    monkeypatch.setattr(MoveState, "create", look)
    before = os.umask(0o022)
    try:
        with pytest.raises(CommandError, match="interrupted"):
            move(new)
    finally:
        os.umask(before)
    assert modes == [0o600] * 4


def test_a_consumer_that_is_alive_is_named(old: Path, new: Path) -> None:
    alive = make_consumer(host="alpha", pid=7)
    make_consumer(host="beta", pid=8)  # was killed
    ended = threading.Event()

    def beat() -> None:
        try:
            while not ended.wait(0.05):
                lifecycle.heartbeat(alive.pk)
        finally:
            connections.close_all()

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        with pytest.raises(CommandError, match="Consumers still run: alpha:7"):
            move(new)
    finally:
        ended.set()
        beating.join()
    assert rows_of(new, "jobs_consumer") == 0
    move(new)
    assert rows_of(new, "jobs_consumer") == 2


def test_a_database_that_another_process_has_open_is_refused(old: Path, new: Path) -> None:
    site = sqlite3.connect(old)
    site.execute("SELECT count(*) FROM jobs_job").fetchone()
    with pytest.raises(CommandError, match="Something else uses the old database"):
        move(new)
    site.close()
    move(new)


def test_nothing_is_accepted_meanwhile(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[str] = []
    copy = copying.copy_table

    def write_first(*args: Any) -> Any:
        site = sqlite3.connect(old, timeout=0)
        try:
            site.execute("DELETE FROM jobs_job")
        except sqlite3.OperationalError as error:
            refused.append(str(error))
        site.close()
        return copy(*args)

    monkeypatch.setattr(copying, "copy_table", write_first)
    fill()
    move(new)
    assert set(refused) == {"database is locked"}
    assert rows_of(new, "jobs_job") == 1


def test_an_old_database_that_is_not_migrated_is_refused(old: Path, new: Path) -> None:
    call_command("migrate", "jobs", "0002", verbosity=0)
    with pytest.raises(CommandError, match=r"not applied: jobs\.0003_\w+[,)]"):
        move(new)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE jobs_queue")
    with pytest.raises(CommandError, match="no table jobs_queue"):
        move(new)


def test_a_row_that_refers_to_none_is_named(old: Path, new: Path) -> None:
    job = fill(1)
    with sqlite3.connect(old) as db:  # without foreign keys, as it is by default
        db.execute("DELETE FROM jobs_job WHERE id = ?", [job.pk.hex])
    db.close()
    with pytest.raises(CommandError, match=r"contradicts itself.*jobs_attempt"):
        move(new)


class Killed(BaseException):
    """The process ends here."""


def stop_after(monkeypatch: pytest.MonkeyPatch, writes: int, table: str = "") -> list[int]:
    """Let the move die after so many writes, of one table only if it is named.

    The list has the rows that were written.
    """
    written: list[int] = []
    write = RowWriter.write

    def counted(self: RowWriter, rows: Any) -> None:
        if table not in ("", self._table):
            write(self, rows)
            return
        if len(written) == writes:
            raise Killed
        write(self, rows)
        written.append(len(rows))

    monkeypatch.setattr(RowWriter, "write", counted)
    return written


def test_a_move_that_was_stopped_goes_on(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(2500)
    with monkeypatch.context() as patched:
        stop_after(patched, 1, "jobs_logchunk")
        with pytest.raises(Killed):
            move(new)
    half = rows_of(new, "jobs_logchunk")
    assert 0 < half < 2500
    assert rows_of(new, "django_migrations") == 0  # no site starts on it
    written = stop_after(monkeypatch, -1)
    said = move(new)
    assert "it goes on" in said
    assert "copied again" not in said
    assert sum(written) < 2500 - half + 100
    assert rows_of(new, "jobs_logchunk") == 2500


@pytest.mark.parametrize(
    "change",
    [
        lambda: Job.objects.update(queue="mail"),
        make_job,
        lambda: Job.objects.all()._raw_delete("default"),
    ],
    ids=["changed", "added", "deleted"],
)
def test_what_has_changed_since_it_was_stopped_is_copied_again(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[], Any]
) -> None:
    make_job()
    with monkeypatch.context() as patched:
        stop_after(patched, 12)
        with pytest.raises(Killed):
            move(new)
    assert rows_of(new, "jobs_job") == 1
    change()
    assert "jobs_job has changed since the move began" in move(new)
    kept = list(Job.objects.values_list("pk", "queue").order_by("pk"))
    with in_new(new):
        assert list(Job.objects.values_list("pk", "queue").order_by("pk")) == kept


def test_a_difference_in_the_end_is_said(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill()
    equal = verify.require_equal

    def changed_first(*args: Any) -> int:
        Token.objects.update(name="other")  # of the new database, which is `default` now
        return equal(*args)

    monkeypatch.setattr(verify, "require_equal", changed_first)
    with pytest.raises(CommandError, match=r"jobs_token\.name of the row 1 differs"):
        move(new)


@pytest.fixture
def postgres_url(django_db_blocker: Any, old: Path) -> Iterator[str]:
    """An empty database on the server."""
    url = address("postgres")
    name = "jobs_test_move"

    def on_server(*statements: str) -> None:
        with default_database(postgres_config(url)), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
    yield url.rpartition("/")[0] + f"/{name}"
    on_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.postgres
@pytest.mark.parametrize("text", ["nul \0 byte", "l" * 201], ids=["NUL", "too long"])
def test_a_row_that_postgres_refuses_is_named_and_the_move_goes_on_when_it_is_mended(
    old: Path, postgres_url: str, text: str
) -> None:
    jobs = [make_job() for _ in range(7)]
    Job.objects.filter(pk=jobs[4].pk).update(task=text)
    with pytest.raises(CommandError, match=f"refuses the row {jobs[4].pk} of jobs_job"):
        call_command("movedatabase", postgres_url, stdout=io.StringIO())
    Job.objects.update(task="mended")
    out = io.StringIO()
    call_command("movedatabase", postgres_url, stdout=out)
    assert "7  jobs_job" in out.getvalue()


@pytest.mark.postgres
def test_postgres_is_locked_while_it_is_read(
    old: Path, new: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    config = postgres_config(postgres_url)
    with default_database(config), psycopg.connect(postgres_url, autocommit=True) as site:
        call_command("migrate", verbosity=0)
        make_job()
        refused: list[BaseException] = []
        copy = copying.copy_table

        def write_first(*args: Any) -> Any:
            try:
                site.execute("SET lock_timeout = '50ms'")
                site.execute("DELETE FROM jobs_job")
            except psycopg.errors.LockNotAvailable as error:
                refused.append(error)
            return copy(*args)

        monkeypatch.setattr(copying, "copy_table", write_first)
        site.execute("BEGIN")
        site.execute("UPDATE jobs_job SET priority = 1")
        with pytest.raises(CommandError, match="Something else uses the old database"):
            move(new)
        site.execute("ROLLBACK")
        move(new)
    assert refused
    assert rows_of(new, "jobs_job") == 1
