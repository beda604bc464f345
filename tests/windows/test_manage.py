"""``manage.py up`` on Windows where it cannot install."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.windows.python import WindowsPython

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
