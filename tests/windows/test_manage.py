"""``manage.py`` on Windows where it cannot do its work, and the project's own tests there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.windows.python import Agent, WindowsPython, path_there
from tests.windows.site import WindowsSite

OWN = """
    tests/unit/test_commands.py tests/unit/test_process_lock.py tests/unit/test_windows_tree.py
    tests/unit/test_artifact_names.py tests/unit/test_data_folder.py
    tests/brokers/test_udp_listener.py
""".split()
"""Tests of what is special on Windows: job objects, locks, names, paths, sockets."""
NEEDED = """
    manage.py pyproject.toml jobs/brokers/funboost/requirements.txt webapp/__init__.py
    webapp/bootstrap.py webapp/install.py webapp/installers.py webapp/requirements.py
    webapp/virtual_environment.py
""".split()


def test_up_says_why_it_cannot_install(
    windows: WindowsPython, project_root: Path, tmp_path: Path
) -> None:
    """This Python has no launcher for `venv` to copy, as some have none."""
    for name in NEEDED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project_root / name, tmp_path / name)
    code, said = windows.run("-S", "manage.py", "up", data=tmp_path / "var", root=tmp_path)
    assert code == 1
    assert "can't make a virtual environment: its `venv` has no launcher to copy." in said
    assert "Traceback" not in said
    assert "apt install" not in said


def test_the_projects_own_tests(windows: WindowsPython, tmp_path: Path) -> None:
    arguments = ["manage.py", "test", "-q", "-p", "no:cacheprovider", "-n0", *OWN]
    code, said = windows.run(*arguments, data=tmp_path)
    assert code == 0, said
    assert " passed" in said


@pytest.mark.parametrize("why", ["hold_against_writers", "make_read_only"])
def test_a_database_that_cannot_be_written_is_a_sentence(
    site: WindowsSite, agent: Agent, tmp_path: Path, why: str
) -> None:
    """Another program holds it, or its file is read-only; what only reads goes on."""
    copy = tmp_path / "db.sqlite3"
    site.sql("VACUUM INTO ?", path_there(copy))
    agent.call("sql", copy, "PRAGMA journal_mode = WAL", [])
    agent.call(why, copy)
    try:
        listed, submitted, doctor = site.manage_all(
            ["jobs", "list"], ["submit", "windows.say", "text=x"], ["doctor"], data=tmp_path
        )
    finally:
        agent.call("let_go", copy)
    for _, said in (listed, submitted, doctor):
        assert "Traceback" not in said
    assert listed[0] == 0, listed
    assert submitted[0] != 0
    assert "takes no writes" in submitted[1]
    assert doctor[0] == 1


@pytest.mark.skipif(os.name == "nt", reason="there a folder's attribute keeps nobody from writing")
def test_up_names_a_data_folder_that_cannot_be_written(
    windows: WindowsPython, tmp_path: Path
) -> None:
    data = tmp_path / "var"
    data.mkdir(mode=0o500)
    code, said = windows.run("manage.py", "up", "--port", "0", data=data)
    assert code == 1
    assert f"The data folder {path_there(data)} can't be written (" in said
    assert "name another one in JOBS_DATA_DIR" in said
    assert "Traceback" not in said
