"""How a foreign program sends to each broker."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

import pytest

Send = Callable[[bytes], None]


def sender_of(url: str) -> Send:
    """Return what sends a body to the queue ``default`` of the broker at ``url``."""
    return _redis_cli(url)


def _redis_cli(url: str) -> Send:
    program = shutil.which("redis-cli")
    if program is None:
        pytest.skip("redis-cli is not installed")

    def send(body: bytes) -> None:
        # -x takes the last argument from standard input, byte for byte.
        command = [program, "-u", url, "-x", "XADD", "jobs.default", "*", "body"]
        done = subprocess.run(command, input=body, capture_output=True, timeout=30, check=True)
        assert done.stdout.strip().endswith(b"0") or b"-" in done.stdout, done.stdout

    return send
