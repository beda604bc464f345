"""The virtual environment with the other systems' packages, made once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import django

from tests.benchmarks.processes import ROOT

FOLDER = ROOT / "var" / "benchmarks"
PEERS = """
gunicorn funboost==55.0 huey django-q2 django-tasks django-tasks-db celery[redis]
django-celery-results redis psycopg[binary,pool] procrastinate[django]
""".split()


def peers_python() -> Path:
    """Return the Python of the other systems' venv, which is made if missing (a minute of pip).

    It has the same versions of Python and Django, so that only the job system differs.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    venv = FOLDER / f"peers-{version}-django-{django.__version__}"
    python = venv / "bin" / "python"
    made = venv / "made"
    if not made.exists():
        sys.stderr.write(f"Installing the peers into {venv} ...\n")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
        environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        needed = [f"django=={django.__version__}", *PEERS]
        subprocess.run([*install, *needed], check=True, env=environment)
        made.touch()
    return python


def versions(python: Path) -> str:
    """Return the installed versions in one line."""
    names = [re.split(r"[\[=]", name)[0] for name in ("django", *PEERS)]
    script = (
        "import sys; from importlib.metadata import version as v;"
        "print(', '.join(f'{n} {v(n)}' for n in sys.argv[1:]))"
    )
    command = [str(python), "-c", script, *names]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
