"""What ``manage.py`` does before Django: find the Python that has the packages, or install them.

Standard library only: it runs on a bare Python.
"""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from . import install, requirements

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = {"up": "site", "test": "test"}  # the commands that install what they need
BROKER_EXTRAS = {"kafka": "kafka", "amqp": "rabbitmq"}  # by how the broker's URL begins
INSIDE = "JOBDESK_INSIDE_VENV"
INTERRUPTED = 130  # a shell's exit code of a command that Ctrl-C ended


def main(argv: list[str]) -> int:
    """Run the command line, in ``.venv`` if the packages are not here; return the exit code."""
    command = argv[1] if len(argv) > 1 else "help"
    try:
        python = choose_python(command)
    except install.InstallError as error:
        return report_error(str(error))
    except KeyboardInterrupt:
        return report_error("Stopped. The next run completes the installation.")
    if python is not None:
        return run_inside(python)
    if command == "test":
        return run_pytest(argv[2:])
    return run_django(argv)


def choose_python(command: str) -> Path | None:
    """Return the Python that has the packages, or None when this one has them.

    Raises:
        install.InstallError: there is none, and this command does not or cannot install.
    """
    extras = wanted_extras(command)
    inside = install.VENV.exists() and install.VENV.samefile(sys.prefix)
    if os.environ.get(INSIDE) == str(install.VENV) and inside:
        return None  # started here by `run_inside`
    if not extras:
        return _python_of_other_commands(inside=inside)
    if not inside and not missing_packages(extras):
        return None
    installed = install.ensure(extras)
    return None if inside and not installed else install.venv_python()


def _python_of_other_commands(*, inside: bool) -> Path | None:
    if inside or find_spec("django"):
        return None
    if install.venv_python().exists():
        return install.venv_python()
    raise install.InstallError(
        "Django is not installed here. Run `python manage.py up` first: it installs what is needed."
    )


def wanted_extras(command: str) -> list[str]:
    """Return the extras of the project that a command installs, by what the settings name."""
    if command not in EXTRAS:
        return []
    extras = [EXTRAS[command]]
    if os.environ.get("DATABASE_URL", "").startswith("postgres"):
        extras.append("postgres")
    broker = os.environ.get("JOBS_BROKER_URL", "")
    extras += [extra for scheme, extra in BROKER_EXTRAS.items() if broker.startswith(scheme)]
    return extras


def missing_packages(extras: Iterable[str]) -> list[str]:
    """Return the names of the distributions that this Python lacks."""
    names = {_name(line) for line in requirements.requirements(extras)}
    return sorted(name for name in names if not _is_installed(name))


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0]


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def run_inside(python: Path) -> int:
    """Run this same command line with another Python and return its exit code."""
    command = [str(python), *sys.orig_argv[1:]]
    os.environ[INSIDE] = str(install.VENV)
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)  # noqa: S606  (the same process id, terminal and signals)
    return _wait_for(subprocess.Popen(command))


def _wait_for(process: subprocess.Popen[bytes]) -> int:
    # Windows has no exec. Ctrl-C and Ctrl-Break reach both processes; the child handles them.
    for name in ("SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: None)
    while True:
        try:
            return process.wait(timeout=0.5)  # short, so that the handlers above run
        except subprocess.TimeoutExpired:
            continue


def run_pytest(arguments: list[str]) -> int:
    """Run the tests from any working directory; paths are relative to the caller's."""
    import pytest

    if Path.cwd() != ROOT:
        arguments = [absolute_argument(argument) for argument in arguments]
        os.chdir(ROOT)
    return int(
        pytest.main(["--rootdir", str(ROOT), "-c", str(ROOT / "pyproject.toml"), *arguments])
    )


def absolute_argument(argument: str) -> str:
    """Return a command-line argument with an absolute path, if it names an existing one."""
    path, mark, rest = argument.partition("::")
    found = not path.startswith("-") and Path(path).exists()
    return str(Path(path).resolve()) + mark + rest if found else argument


def run_django(argv: list[str]) -> int:
    """Run Django's command line. A wrong setting is reported in a sentence, not as a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")
    if argv[1:2] == ["up"]:
        # `up` serves plain HTTP; the settings are read before the command can say so.
        os.environ.setdefault("JOBS_HTTPS", "0")
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError, InterfaceError

    try:
        execute(argv)
    except ImproperlyConfigured as error:
        if "--traceback" in argv:
            raise
        return report_error(str(error))
    except (DatabaseError, InterfaceError) as error:
        if "--traceback" in argv:
            raise
        return report_database(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def execute(argv: list[str]) -> None:
    """Run the command as ``execute_from_command_line`` does.

    No garbage is collected until the project is loaded, and what that has made is never looked at
    again: imports make no garbage. To look for it while they run, and once more when the process
    ends, takes a quarter of the CPU of a short command (0.56 s with it, 0.40 s without).
    """
    gc.disable()
    from django.core.management import BaseCommand, ManagementUtility

    class Utility(ManagementUtility):
        def fetch_command(self, subcommand: str) -> BaseCommand:
            command = super().fetch_command(subcommand)
            gc.freeze()
            gc.enable()
            return command

    try:
        Utility(argv).execute()
    finally:
        gc.enable()


def report_database(error: Exception) -> int:
    """Print why the database cannot be used; return the exit code that says it.

    Raises:
        Exception: the error itself where trying again is no use: the traceback of a migration that
            the database refuses is worth reading.
    """
    from jobs.core.database_faults import retry_after
    from jobs.management.database_command import UNAVAILABLE, describe

    if retry_after(error) is None:
        raise error
    report_error(str(describe(error)))
    return UNAVAILABLE


def report_error(sentence: str) -> int:
    """Print what is wrong on a line of its own; return the exit code of a failure."""
    print(f"\n{sentence}" if install.line_is_open() else sentence, file=sys.stderr)
    return 1
