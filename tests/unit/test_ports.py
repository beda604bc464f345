"""The ports that tests give to their servers."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tests.network import why_not
from tests.ports import free_port, is_open

ONE_PORT_IS_LEFT = """
import socket
from pathlib import Path
Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40001")
from tests.ports import free_port
port = free_port()
others = [socket.socket() for _ in range(2)]
given = []
for other in others:
    try:
        other.bind(("127.0.0.1", 0))
    except OSError:
        break
    given.append(other.getsockname()[1])
assert given == [40000 + 40001 - port], (port, given)
"""


def test_a_server_listens_on_its_port_again_and_again() -> None:
    port = free_port()
    for _ in range(2):
        assert not is_open("127.0.0.1", port)
        with socket.create_server(("127.0.0.1", port)):
            assert is_open("127.0.0.1", port)


@pytest.mark.machines
def test_nobody_else_is_given_the_port() -> None:
    if reason := why_not():
        pytest.skip(reason)
    found = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", ONE_PORT_IS_LEFT],
        check=False,
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
