"""Which pip and which uv install, and what of pip's settings uv is told."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from webapp import installers

CONFIG = """
:env:.default-timeout='180'
:env:.index-url='https://us%40er:p=w@packages.example/simple'
freeze.timeout='1'
global.index-url='https://ignored.example/simple'
global.proxy='http://proxy.example:3128'
install.no-compile='yes'
install.find-links='/a\\n/b'
"""


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")) or "PROXY" in name.upper() or name == "SSL_CERT_FILE":
            monkeypatch.delenv(name)


def test_uv_is_told_where_pip_would_go() -> None:
    settings = installers.parse_settings(CONFIG.splitlines())
    assert installers.uv_environment(settings) == {
        "UV_SYSTEM_CERTS": "1",
        "UV_INDEX_URL": "https://us%40er:p=w@packages.example/simple",
        "UV_HTTP_TIMEOUT": "180",
        "UV_FIND_LINKS": "/a,/b",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "HTTP_PROXY": "http://proxy.example:3128",
    }


@pytest.mark.parametrize(
    "line",
    [
        "global.extra-index-url='https://packages.example/simple'",
        "global.no-index='1'",
        ":env:.constraint='/versions.txt'",
        "install.trusted-host='packages.example'",
        "global.something-new='x'",
    ],
)
def test_a_setting_that_uv_does_not_know_leaves_the_work_to_pip(line: str) -> None:
    assert installers.uv_environment(installers.parse_settings([line])) is None


def test_settings_that_cannot_be_read_leave_the_work_to_pip() -> None:
    assert installers.read_settings([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert installers.uv_environment(None) is None


def test_what_uv_is_told_already_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "https://mine.example/simple")
    found = installers.uv_environment({"index-url": "https://other.example/simple"})
    assert found == {"UV_SYSTEM_CERTS": "1"}


def test_settings_are_read_from_pips_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = installers.find_pip(Path(sys.executable))
    if pip is None:
        pytest.skip("there is no pip")
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://packages.example/simple\n", encoding="utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    found = installers.read_settings(pip)
    assert found is not None
    assert found["index-url"] == "https://packages.example/simple"


def test_the_pip_that_python_carries_runs_without_being_installed(tmp_path: Path) -> None:
    if installers.bundled_pip() is None:
        pytest.skip("this Python carries no pip: its system packages it apart")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    folder = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    pip = installers.find_pip(tmp_path / "bare" / folder)
    assert pip is not None
    assert ".whl" in pip[-1]
    assert not list((tmp_path / "bare").rglob("pip*"))


def test_without_it_a_pip_outside_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(installers, "bundled_pip", lambda: None)
    monkeypatch.setattr(installers, "_works", lambda command: "--python" in command)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    python = tmp_path / "python"
    assert installers.find_pip(python) == [sys.executable, "-m", "pip", "--python", str(python)]


def test_uv_beside_python_comes_before_one_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/on/the/path/uv")
    python = tmp_path / "python"
    assert installers.find_uv(python) == "/on/the/path/uv"
    beside = tmp_path / ("uv.exe" if os.name == "nt" else "uv")
    beside.touch()
    assert installers.find_uv(python) == str(beside)
