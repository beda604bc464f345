"""Makes a virtual environment, or says why this Python can make none. Standard library only."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

# What `venv` warns of would break the line of progress; what follows from it is reported.
logging.getLogger("venv").addHandler(logging.NullHandler())


def python_in(folder: Path) -> Path:
    """Return the path of the Python of a virtual environment, whether it exists or not."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def make(folder: Path) -> str:
    """Make a virtual environment without pip, in place of one; return what is wrong, or nothing.

    Raises:
        OSError: the folder can't be written.
    """
    try:
        import venv
    except ImportError:  # the embeddable package of Windows, and some of Linux
        return _cannot_make("it lacks the module `venv`")
    builder = venv.EnvBuilder(clear=folder.exists(), with_pip=False, symlinks=os.name != "nt")
    try:
        builder.create(folder)
    except ValueError as error:  # a path with the separator of PATH
        return f"{folder} can't be made: {str(error).rstrip('.')}. Move the project elsewhere."
    except FileNotFoundError as error:
        return _cannot_make(f"it lacks {error.filename}") if error.filename else _cannot_make()
    # On Windows a copy of a launcher, which `venv` leaves out where there is none to copy.
    return "" if python_in(folder).exists() else _cannot_make("its `venv` has no launcher to copy")


def _cannot_make(why: str = "its files are not complete") -> str:
    return (
        f"This Python ({sys.executable}) can't make a virtual environment: {why}. Use one that "
        "can, such as python.org's, or activate an environment that has all the packages."
    )
