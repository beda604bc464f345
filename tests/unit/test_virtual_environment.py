"""What is said where a Python can make no virtual environment."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from webapp import install, virtual_environment

ADVICE = "Use one that can, such as python.org's, or activate an environment that has all"


def test_one_is_made_and_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "Umgebung für Späteres"
    folder.mkdir()
    (folder / "of an interrupted start").touch()
    assert virtual_environment.make(folder) == ""
    assert not (folder / "of an interrupted start").exists()
    subprocess.run([virtual_environment.python_in(folder), "-c", ""], check=True)


def test_a_venv_without_a_launcher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As in a Python for Windows that is packed without its launchers: `venv` only warns."""
    monkeypatch.setattr(venv.EnvBuilder, "setup_python", lambda builder, context: None)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "STAMP", tmp_path / ".venv" / "jobdesk.json")
    with pytest.raises(install.InstallError) as caught:
        install.ensure(["site"])
    assert f"({sys.executable}) can't make a virtual environment" in str(caught.value)
    assert "no launcher to copy. " + ADVICE in str(caught.value)


def test_a_launcher_that_is_not_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(builder: Any, context: Any) -> None:
        raise FileNotFoundError(2, "File not found", "venvlauncher.exe")

    monkeypatch.setattr(venv.EnvBuilder, "setup_python", refuse)
    assert f"it lacks venvlauncher.exe. {ADVICE}" in virtual_environment.make(tmp_path / ".venv")


def test_a_python_without_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the embeddable package of Windows."""
    monkeypatch.setitem(sys.modules, "venv", None)
    assert "it lacks the module `venv`. " in virtual_environment.make(tmp_path / ".venv")


def test_a_path_that_cannot_be_on_the_path(tmp_path: Path) -> None:
    complaint = virtual_environment.make(tmp_path / f"two{os.pathsep}parts" / ".venv")
    assert "contains the PATH separator" in complaint
    assert complaint.endswith(" Move the project elsewhere.")


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        virtual_environment.make(tmp_path / "file" / ".venv")
