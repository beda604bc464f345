"""Tasks that write what they do into a ledger: a folder with a file for each effect.

Windows appends nothing atomically, and a killed process would take half a line with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from jobs import InputFile, JobContext, job


def _note(context: JobContext, what: str) -> None:
    name = f"{context.job_id}-{context.attempt}-{what}-{uuid.uuid4().hex}"
    (Path(os.environ["WINDOWS_LEDGER"]) / name).touch(exist_ok=False)


def _work(context: JobContext, seconds: float, until: str) -> dict[str, Any]:
    _note(context, "begin")
    end = time.monotonic() + seconds
    while time.monotonic() < end or (until and not Path(until).exists()):
        context.check_cancelled()
        time.sleep(0.02)
    _note(context, "end")
    return {"attempt": context.attempt}


@job
def work(context: JobContext, seconds: float = 0.0, until: str = "") -> dict[str, Any]:
    """Take a while, or until a file is there, in a thread."""
    return _work(context, seconds, until)


@job(executor="process")
def compute(context: JobContext, seconds: float = 0.0, until: str = "") -> dict[str, Any]:
    """Take a while, or until a file is there, in a process."""
    return _work(context, seconds, until)


SLEEP = "import time; time.sleep(600)"


@job(executor="process")
def start_programs(context: JobContext, seconds: float = 0.0, until: str = "") -> dict[str, Any]:
    """Start a program that starts another, wait as above, and end without waiting for them."""
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    with subprocess.Popen([sys.executable, "-c", start]) as program:
        _work(context, seconds, until)
        program.kill()
    return {"attempt": context.attempt}


@job
def start_program(context: JobContext, seconds: float = 0.0, until: str = "") -> dict[str, Any]:
    """Start a program in a thread, so that it is no child of a child; wait as above."""
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as program:
        _work(context, seconds, until)
        program.kill()
    return {"attempt": context.attempt}


@job(executor="process")
def copy(context: JobContext, file: InputFile, name: str) -> str:
    """Keep a file's content under a name; leave a read-only copy in the temporary folder."""
    left = context.tempdir / "left.bin"
    left.write_bytes(file.path.read_bytes())
    left.chmod(0o400)
    return context.save_artifact(name, left)


@job
def say(text: str) -> str:
    """Print a text, log it and return it."""
    print(text)
    return text
