"""What a running attempt has outside of the database: its end, its folder, its files."""

from __future__ import annotations

import io
import os
import stat
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from jobs.catalog.attempt_resources import AttemptResources
from jobs.consumer import attempt as attempt_module
from jobs.consumer.artifacts import store_artifact
from jobs.consumer.attempt import Attempt
from jobs.consumer.maintenance import Maintenance
from jobs.consumer.outcomes import outcome_of_error
from jobs.core import tempdirs
from jobs.core.states import AttemptOutcome
from jobs.core.storage import job_storage
from jobs.core.tempdirs import TempDir
from jobs.errors import TimeLimitReached
from jobs.lifecycle import Outcome
from tests.claims import make_claim

from .recorder import JOB, Recorder, context_for

SECONDS = 20.0


@pytest.fixture
def data(tmp_path: Path, settings: Any) -> Path:
    settings.JOBS = {**settings.JOBS, "DATA_DIR": tmp_path}
    return tmp_path


def running(timeout: float | None = None) -> Attempt:
    return Attempt(make_claim(timeout=timeout), lambda attempt, outcome: None, "here:1")


def ended(attempt: Attempt) -> Outcome:
    return Outcome(claim=attempt.claim, outcome=AttemptOutcome.SUCCEEDED)


class Called:
    """A callback that can be waited for."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self._event = threading.Event()

    def __call__(self) -> None:
        self.threads.append(threading.current_thread())
        self._event.set()

    def wait(self) -> None:
        assert self._event.wait(SECONDS)


def test_a_cancel_calls_back_once_in_a_thread_of_its_own() -> None:
    attempt, called = running(), Called()
    attempt.resources.on_cancel(called)
    attempt.request_cancel("ada")
    called.wait()
    attempt.request_cancel("ada")
    attempt.settle(ended(attempt))
    assert len(called.threads) == 1
    assert called.threads != [threading.current_thread()]


def test_who_asks_after_the_cancel_is_called_at_once() -> None:
    attempt, called = running(), Called()
    attempt.request_cancel("ada")
    attempt.resources.on_cancel(called)
    called.wait()


def test_a_callback_that_fails_keeps_nobody_from_being_called(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise OSError("the socket is gone")

    resources, called = AttemptResources(JOB, 1), Called()
    resources.on_cancel(broken)
    resources.on_cancel(called)
    resources.cancel()
    called.wait()
    for thread in threading.enumerate():
        if thread.name == "on-cancel":
            thread.join(SECONDS)
    assert "the socket is gone" in caplog.text


def test_the_end_of_the_attempt_is_no_cancel() -> None:
    resources, called = AttemptResources(JOB, 1), Called()
    resources.on_cancel(called)
    resources.end()
    assert called.threads == []


def test_it_can_decorate_the_callback() -> None:
    recorder, called = Recorder(), Called()
    assert context_for(recorder).on_cancel(called) is called


def test_what_ends_with_the_attempt_is_ended_by_each_of_its_ends() -> None:
    for end in (Attempt.lose, Attempt.close, lambda one: one.request_cancel("ada")):
        attempt, called = running(), Called()
        with attempt.resources.end_with_attempt(called):
            end(attempt)
        assert called.threads
    attempt, called = running(), Called()
    with attempt.resources.end_with_attempt(called):
        assert called.threads == []
        attempt.settle(ended(attempt))
    assert len(called.threads) == 1
    attempt.close()
    assert len(called.threads) == 1  # it has left the block


def test_what_begins_after_the_end_is_ended_at_once() -> None:
    attempt, called = running(), Called()
    attempt.settle(ended(attempt))
    with attempt.resources.end_with_attempt(called):
        assert called.threads
    assert attempt.resources.is_over


def test_a_consumer_that_was_declared_dead_ends_the_commands_of_what_it_lost() -> None:
    attempt, called = running(), Called()
    registration: Any = type("Registration", (), {"renew": lambda me: None})()
    slots: Any = type("Slots", (), {"running": lambda me: [attempt]})()
    polls: Any = type("Polls", (), {"request_poll": lambda me: None})()
    children: Any = None
    with attempt.resources.end_with_attempt(called):
        Maintenance(registration, slots, polls, children).heartbeat_written(alive=False)
        assert called.threads


def test_a_thread_that_ends_its_command_has_some_seconds_to_come_back() -> None:
    attempt = running(timeout=0.0)
    attempt.runs_in_thread = True
    attempt.start_time_limit()
    assert attempt.is_overdue()
    with attempt.resources.end_with_attempt(lambda: None):
        assert not attempt.is_overdue()
        assert attempt.deadline is not None
        attempt.deadline -= attempt_module.COMMAND_SECONDS
        assert attempt.is_overdue()


def test_a_command_that_met_the_time_limit_is_a_timeout() -> None:
    outcome = outcome_of_error(make_claim(timeout=6), TimeLimitReached())
    assert (outcome.outcome, outcome.message) == (AttemptOutcome.TIMED_OUT, "timed out after 6 s")


# --- the temporary folder ---------------------------------------------------------------------


def test_the_folder_is_made_when_asked_for_and_goes_with_the_attempt(data: Path) -> None:
    attempt = running()
    attempt.close()
    assert list(data.iterdir()) == []

    folder = attempt.resources.tempdir()
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "file").write_text("x", encoding="utf-8")

    assert attempt.resources.tempdir() == folder
    assert folder.is_absolute()
    assert list(tempdirs.existing()) == [TempDir(attempt.claim.id, 1)]
    attempt.close()
    assert list(tempdirs.existing()) == []
    attempt.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_nobody_else_can_read_it(data: Path) -> None:
    assert stat.S_IMODE(TempDir(JOB, 1).make().stat().st_mode) == 0o700


def test_one_that_an_attempt_of_this_number_left_is_empty_again(data: Path) -> None:
    (TempDir(JOB, 1).make() / "old").write_text("x", encoding="utf-8")
    assert list(TempDir(JOB, 1).make().iterdir()) == []


def test_folders_and_files_that_may_not_be_written_are_removed_too(data: Path) -> None:
    folder = TempDir(JOB, 1).make()
    locked = folder / "locked"
    locked.mkdir()
    (locked / "file").write_text("x", encoding="utf-8")
    (locked / "file").chmod(stat.S_IREAD)
    locked.chmod(stat.S_IREAD | stat.S_IEXEC)
    kept = data / "kept"
    kept.write_text("x", encoding="utf-8")
    if sys.platform != "win32":
        (folder / "link").symlink_to(kept)
    # As root nothing is refused: the way for others is taken as well.
    tempdirs._remove_tree(folder)
    assert not folder.exists()
    assert kept.exists()


def test_a_child_that_was_killed_leaves_no_folder(data: Path) -> None:
    attempt = running()
    attempt.runs_in_child = True
    TempDir(attempt.claim.id, attempt.claim.attempt).make()
    attempt.close()
    assert list(tempdirs.existing()) == []


# --- what a file is made of -------------------------------------------------------------------


@pytest.mark.parametrize(
    "data_of",
    [
        lambda folder: b"\x00\xffdata",
        lambda folder: bytearray(b"\x00\xffdata"),
        lambda folder: memoryview(b"\x00\xffdata"),
        lambda folder: io.BytesIO(b"\x00\xffdata"),
        lambda folder: folder / "source",
        lambda folder: (folder / "source").open("rb"),
    ],
)
def test_a_file_is_made_of(data: Path, data_of: Any) -> None:
    (data / "source").write_bytes(b"\x00\xffdata")
    given = data_of(data)
    stored = store_artifact(uuid.uuid4(), 2, "x.bin", given)
    if hasattr(given, "close"):
        given.close()
    assert (stored.size, stored.attempt) == (6, 2)
    with job_storage().open(stored.file) as file:
        assert file.read() == b"\x00\xffdata"


def test_text_is_utf_8(data: Path) -> None:
    for text in ("größe", io.StringIO("größe")):
        stored = store_artifact(uuid.uuid4(), 1, "x.txt", text)  # type: ignore[arg-type]
        with job_storage().open(stored.file) as file:
            assert file.read().decode() == "größe"


@pytest.mark.parametrize("wrong", [5, None, {"a": 1}, ["a"]])
def test_anything_else_is_refused_in_words(data: Path, wrong: Any) -> None:
    with pytest.raises(TypeError, match="bytes, a text, a path or an open file, not "):
        store_artifact(uuid.uuid4(), 1, "x", wrong)


def test_a_file_that_is_not_there_says_what_is() -> None:
    with pytest.raises(FileNotFoundError, match=r"no artifact 'a.txt'. It has: none"):
        context_for(Recorder()).open_artifact("a.txt")
