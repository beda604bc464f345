"""What manage.py does before Django, with a fake uv and a fake pip."""

from __future__ import annotations

import ast
import json
import runpy
import sys
from pathlib import Path

import pytest

from webapp import bootstrap, install, requirements, virtual_environment
from webapp.installers import Installer

PROJECT = """
[project]
name = "jobdesk"
dependencies = ["alpha>=1,<2", "beta[more]==3"]
[project.optional-dependencies]
site = ["gamma"]
postgres = ["driver"]
test = ["jobdesk[site]", "delta>=1"]
dev = ["jobdesk[test,postgres]", "epsilon"]
"""
PROGRESS = "Collecting alpha\nCollecting beta\nInstalling collected packages: alpha\n"
PROGRAM = """
import sys
print({output!r})
open({log!r}, "a").write(" ".join(sys.argv[1:]) + "\\n")
sys.exit({code})
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose new virtual environment gets a Python at once."""
    (tmp_path / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "funboost.txt").write_text("# a comment\nzeta==1\n", encoding="utf-8")
    monkeypatch.setattr(requirements, "PYPROJECT", tmp_path / "pyproject.toml")
    monkeypatch.setattr(requirements, "FUNBOOST", tmp_path / "funboost.txt")
    for name, path in {
        "ROOT": tmp_path,
        "VENV": tmp_path / ".venv",
        "STAMP": tmp_path / ".venv" / "jobdesk.json",
        "LOG": tmp_path / ".venv" / "install.log",
    }.items():
        monkeypatch.setattr(install, name, path)
    monkeypatch.setattr(virtual_environment, "make", _make_python)
    monkeypatch.setattr(install, "_shown", "")
    monkeypatch.delenv(bootstrap.INSIDE, raising=False)
    for name in ("DATABASE_URL", "JOBS_BROKER_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def _make_python(folder: Path) -> str:
    python = virtual_environment.python_in(folder)
    python.parent.mkdir(parents=True)
    python.write_text("", encoding="utf-8")
    return ""


def fake_pip(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *, output: str = "", code: int = 0
) -> Path:
    """Let pip print this and exit so; return the file with its arguments, one line per call."""
    log = folder / "calls"
    log.touch()
    script = folder / "pip.py"
    script.write_text(
        PROGRAM.format(output=PROGRESS + output, log=str(log), code=code), encoding="utf-8"
    )
    monkeypatch.setattr(install, "find_pip", lambda python: [sys.executable, str(script)])
    monkeypatch.setattr(install, "read_settings", lambda pip: {"constraint": "not known to uv"})
    return log


def fake_uv(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *, output: str = "", code: int = 0
) -> Path:
    """Let uv, which pip fetches, print this and exit so; return the file with its arguments."""
    log = folder / "calls of uv"
    log.touch()
    script = folder / "uv.py"
    script.write_text(PROGRAM.format(output=output, log=str(log), code=code), encoding="utf-8")
    uv = Installer([sys.executable, str(script)], {})
    found = iter([None])
    monkeypatch.setattr(install, "read_settings", lambda pip: {})
    monkeypatch.setattr(install, "find_uv", lambda python: next(found, "uv"))
    monkeypatch.setattr(install, "uv_installer", lambda *arguments: uv)
    return log


def calls(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8").splitlines()


def test_extras_that_name_other_extras_are_expanded(project: Path) -> None:
    expected = {"alpha>=1,<2", "beta[more]==3", "delta>=1", "driver", "epsilon", "gamma"}
    expected.add("zeta==1")  # of funboost's list
    found = requirements.requirements(["dev"])
    assert set(found) == expected
    assert len(found) == len(expected)


def test_missing_packages_are_named(project: Path) -> None:
    assert bootstrap.missing_packages(["site"]) == ["alpha", "beta", "gamma", "zeta"]
    (project / "funboost.txt").write_text("", encoding="utf-8")
    (project / "pyproject.toml").write_text(
        '[project]\ndependencies = ["django>=1", "pydantic[email]"]\n'
        "[project.optional-dependencies]\nsite = []\n",
        encoding="utf-8",
    )
    assert bootstrap.missing_packages(["site"]) == []


def test_this_environment_has_what_the_project_names() -> None:
    assert bootstrap.missing_packages(["site"]) == []


def test_settings_add_extras(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bootstrap.wanted_extras("migrate") == []
    assert bootstrap.wanted_extras("test") == ["test"]
    monkeypatch.setenv("DATABASE_URL", "postgres://h/db")
    monkeypatch.setenv("JOBS_BROKER_URL", "kafka://h")
    assert bootstrap.wanted_extras("up") == ["site", "postgres", "kafka"]
    monkeypatch.setenv("JOBS_BROKER_URL", "amqps://h")
    assert bootstrap.wanted_extras("up") == ["site", "postgres", "rabbitmq"]


def test_where_packages_are_missing_they_are_installed_once(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = fake_pip(monkeypatch, project)
    assert bootstrap.choose_python("up") == install.venv_python()
    assert bootstrap.choose_python("up") == install.venv_python()
    first, second = calls(log)
    assert first.endswith("pip --editable .[site]")
    assert second.endswith(f"--no-deps -r {project / 'funboost.txt'}")
    said = capsys.readouterr().out
    assert said.startswith("Installing what Jobdesk needs into .venv:")
    assert said.count("\n") == 1


def test_a_changed_project_is_installed_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake_pip(monkeypatch, project)
    install.ensure(["site"])
    (project / "pyproject.toml").write_text(PROJECT + "\n# more", encoding="utf-8")
    assert install.ensure(["site"])
    (project / "funboost.txt").write_text("zeta==2", encoding="utf-8")
    assert install.ensure(["site"])
    assert len(calls(log)) == 6


def test_further_extras_are_added_to_the_ones_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake_pip(monkeypatch, project)
    install.ensure(["site", "postgres"])
    install.ensure(["test"])
    assert calls(log)[-2].endswith("[postgres,site,test]")
    assert not install.ensure(["site"])


def test_extras_that_an_installed_one_includes_are_not_installed_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake_pip(monkeypatch, project)
    install.ensure(["dev"])
    for included in ("dev", "test", "site", "postgres"):
        assert not install.ensure([included])
    assert len(calls(log)) == 2


def test_an_environment_without_a_stamp_is_completed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake_pip(monkeypatch, project)
    _make_python(install.VENV)
    assert install.ensure(["site"])
    assert len(calls(log)) == 2
    install.STAMP.write_text("no json", encoding="utf-8")
    assert install.ensure(["site"])


def test_a_failure_of_pip_is_one_sentence_and_tried_again_next_time(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake_pip(monkeypatch, project, output="ERROR: No matching distribution.", code=1)
    with pytest.raises(install.InstallError) as caught:
        install.ensure(["site"])
    assert str(caught.value) == (
        f"The packages were not installed: No matching distribution. All of it: {install.LOG}"
    )
    assert "Collecting alpha" in install.LOG.read_text(encoding="utf-8")
    with pytest.raises(install.InstallError):
        install.ensure(["site"])
    assert len(calls(log)) == 2


def test_a_missing_network_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = "WARNING: Retrying (Retry(total=1)) after connection broken\nERROR: No match"
    fake_pip(monkeypatch, project, output=output, code=1)
    with pytest.raises(install.InstallError, match="the package index can't be reached"):
        install.ensure(["site"])


def test_uv_is_fetched_by_pip_and_installs(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    by_pip = fake_pip(monkeypatch, project)
    by_uv = fake_uv(monkeypatch, project, output="Resolved 24 packages in 3ms")
    assert install.ensure(["site"])
    (only,) = calls(by_pip)
    assert only.endswith("--only-binary=:all: --no-deps uv")
    assert calls(by_uv) == [
        "pip --editable .[site]",
        f"--no-deps -r {project / 'funboost.txt'}",
    ]
    assert ": uv, 2 packages found" in (said := capsys.readouterr().out)
    assert "24 packages, funboost, 24 packages, done in" in said


def test_where_uv_fails_pip_installs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_pip = fake_pip(monkeypatch, project)
    by_uv = fake_uv(monkeypatch, project, output="error: invalid peer certificate", code=2)
    assert install.ensure(["site"])
    assert len(calls(by_uv)) == 1
    assert [line.split()[-1] for line in calls(by_pip)[:2]] == ["uv", ".[site]"]
    assert "invalid peer certificate" in install.LOG.read_text(encoding="utf-8")


def test_a_uv_that_cannot_be_started_is_no_use(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_pip = fake_pip(monkeypatch, project)
    fake_uv(monkeypatch, project)
    nothing = Installer([str(project / "of another machine")], {})
    monkeypatch.setattr(install, "uv_installer", lambda *arguments: nothing)
    assert install.ensure(["site"])
    assert calls(by_pip)[1].endswith("pip --editable .[site]")


def test_without_a_network_uv_and_pip_are_tried_once(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = "WARNING: Retrying (Retry(total=1)) after connection broken"
    by_pip = fake_pip(monkeypatch, project, output=output, code=1)
    by_uv = fake_uv(monkeypatch, project)
    with pytest.raises(install.InstallError, match="the package index can't be reached"):
        install.ensure(["site"])
    assert (len(calls(by_pip)), calls(by_uv)) == (1, [])


def test_without_any_pip_the_error_names_the_package(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "find_pip", lambda python: None)
    monkeypatch.setattr(install, "find_uv", lambda python: None)
    with pytest.raises(install.InstallError, match=r"apt install python3\.\d+-venv"):
        install.ensure(["site"])


def test_a_folder_that_cannot_be_written_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(virtual_environment, "make", refuse)
    with pytest.raises(install.InstallError, match="can't be written: Permission denied"):
        install.ensure(["site"])


def test_a_run_inside_the_environment_does_not_check_it_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install.VENV.mkdir()
    monkeypatch.setattr(sys, "prefix", str(install.VENV))
    monkeypatch.setenv(bootstrap.INSIDE, str(install.VENV))
    assert bootstrap.choose_python("up") is None


def test_an_activated_environment_is_completed_and_entered_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(monkeypatch, project)
    _make_python(install.VENV)
    monkeypatch.setattr(sys, "prefix", str(install.VENV))
    assert bootstrap.choose_python("up") == install.venv_python()
    assert bootstrap.choose_python("up") is None
    assert bootstrap.choose_python("migrate") is None


def test_paths_are_relative_to_the_callers_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_a.py").touch()
    assert bootstrap.absolute_argument("test_a.py::test_b") == f"{tmp_path / 'test_a.py'}::test_b"
    assert bootstrap.absolute_argument("-k") == "-k"
    assert bootstrap.absolute_argument("nothing_here") == "nothing_here"


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 8, 0), (3, 10, 13)])
def test_an_older_python_gets_one_sentence(
    project_root: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(project_root / "manage.py"), run_name="__main__")
    older = f"{version[0]}.{version[1]}"
    assert caught.value.code == f"Jobdesk needs Python 3.11 or newer; this is {older}."


def test_an_older_python_can_read_the_file_at_all(project_root: Path) -> None:
    source = (project_root / "manage.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 4))


def test_the_stamp_names_the_installed_extras(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(monkeypatch, project)
    install.ensure(["site"])
    assert json.loads(install.STAMP.read_text(encoding="utf-8"))["extras"] == ["site"]
