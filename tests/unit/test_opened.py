"""What a test leaves open fails that test, and none after it."""

from __future__ import annotations

import gc
import subprocess
import sys
import urllib.request
import warnings

import pytest

from tests.opened import open_url
from tests.subprocesses import ROOT, RunningProcess, environment
from tests.unit.web_server import WebServer, page


def warned_of() -> list[str]:
    """Collect what nobody refers to; return what it is complained of."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    return [str(one.message) for one in found]


def test_an_error_is_closed_and_says_what_the_server_said(site: WebServer) -> None:
    site.replies["/"] = page(b"who are you?", 403)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", ResourceWarning)
        with pytest.raises(AssertionError, match=r"403 .* who are you\?") as raised:
            open_url(site.url())
        del raised
        gc.collect()
    assert [str(one.message) for one in found] == []
    site.replies["/"] = page(b"hello")
    with open_url(urllib.request.Request(site.url())) as answer:
        assert answer.read() == b"hello"


def test_a_process_ends_with_its_block_though_the_test_fails() -> None:
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    seen: list[subprocess.Popen[str]] = []

    def fail() -> None:
        with RunningProcess(command, env=environment(ROOT)) as running:
            seen.append(running.process)
            running.wait_for("^up$")
            raise ValueError("the test fails")

    with pytest.raises(ValueError, match="the test fails"):
        fail()
    (process,) = seen
    assert process.returncode is not None
    assert process.stdout is not None
    assert process.stdout.closed
    seen.clear()
    del process
    assert warned_of() == []
