"""A free lock shows that its process has ended, and its file can be removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from jobs.core import process_lock


def test_a_file_is_removed_when_no_process_holds_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.lock"
    assert not process_lock.remove_if_free(path), "not there: no proof either way"
    lock = process_lock.hold(path)
    assert not process_lock.is_free(process_lock.lock_for(path))
    assert not process_lock.remove_if_free(path)
    assert path.exists()
    lock.release()
    assert process_lock.is_free(process_lock.lock_for(path))
    assert process_lock.remove_if_free(path)
    assert not path.exists()


def test_the_death_of_a_process_can_be_proved_again_and_again(tmp_path: Path) -> None:
    """Whoever asks leaves the file for the others: without it they could only wait."""
    path = tmp_path / "a.lock"
    process_lock.hold(path).release()
    kept = process_lock.lock_for(path)
    for _ in range(2):
        assert process_lock.is_free(kept)
        assert not process_lock.is_held(path)
        assert process_lock.is_free(process_lock.lock_for(path))
    assert process_lock.remove_if_free(path)


def test_a_file_that_cannot_be_removed_while_open_is_removed_after_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    path = tmp_path / "a.lock"
    process_lock.hold(path).release()
    locked: list[bool] = []
    unlink: Callable[..., None] = Path.unlink

    def strict(self: Path, missing_ok: bool = False) -> None:
        locked.append(not process_lock.is_free(process_lock.lock_for(self)))
        if locked[-1]:
            raise PermissionError
        unlink(self, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", strict)
    assert process_lock.remove_if_free(path)
    assert not path.exists()
    assert locked == [True, False]


def test_a_lock_without_permission_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: FileLock, **_: object) -> None:
        raise PermissionError("another user's")

    path = tmp_path / "a.lock"
    path.touch()
    monkeypatch.setattr(FileLock, "acquire", refused)
    assert not process_lock.is_free(process_lock.lock_for(path))
    assert not process_lock.remove_if_free(path)
    assert path.exists()
