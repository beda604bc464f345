"""Several machines on one host: network namespaces on one bridge (Linux, root)."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

CLONE_NEWNET: Final = 0x40000000
SUBNET: Final = "10.77.0"


@lru_cache(maxsize=1)
def why_not() -> str:
    """Return why no network namespace can be made here; an empty string when it can."""
    if shutil.which("ip") is None:
        return "ip (iproute2) is not installed"
    tried = _ip("netns", "add", name := f"jd{uuid.uuid4().hex[:6]}", check=False)
    if tried.returncode:
        return f"no network namespace can be made here: {tried.stderr.strip()}"
    _ip("netns", "delete", name)
    return ""


def _ip(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["ip", *arguments], check=check, capture_output=True, text=True, timeout=30
    )


def inside(namespace: str) -> list[str]:
    """Return the beginning of a command that starts a program in a namespace."""
    return ["ip", "netns", "exec", namespace] if namespace else []


def within(namespace: str, act: Callable[[], T]) -> T:
    """Call a function in a thread inside a namespace, where its sockets then belong."""
    if not namespace:
        return act()
    found: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            _enter(namespace)
            found.append(act())
        except BaseException as error:  # noqa: BLE001  (raised below, in the caller's thread)
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return found[0]


def _enter(namespace: str) -> None:
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/run/netns/{namespace}").open("rb") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), namespace)


class Network:
    """A machine for servers in the middle, and others that a cable connects to its bridge."""

    def __init__(self, machines: Sequence[str]) -> None:
        self._prefix = f"jd{uuid.uuid4().hex[:6]}"
        self._names = ["middle", *machines]
        try:
            for name in self._names:
                _ip("netns", "add", self.namespace(name))
                self._at(name, "link", "set", "lo", "up")
            self._at("middle", "link", "add", "name", "lan", "type", "bridge")
            self._at("middle", "address", "add", f"{self.address('middle')}/24", "dev", "lan")
            self._at("middle", "link", "set", "lan", "up")
            for name in machines:
                self._lay_cable(name)
        except BaseException:
            self.close()
            raise

    def _at(self, name: str, *arguments: str) -> None:
        _ip("-n", self.namespace(name), *arguments)

    def _lay_cable(self, name: str) -> None:
        near = ("link", "add", "name", "eth0", "netns", self.namespace(name))
        _ip(*near, "type", "veth", "peer", "name", name, "netns", self.namespace("middle"))
        self._at("middle", "link", "set", name, "master", "lan")
        self._at(name, "address", "add", f"{self.address(name)}/24", "dev", "eth0")
        self._at(name, "link", "set", "eth0", "up")
        self.bring_back(name)

    def namespace(self, name: str) -> str:
        """Return the namespace of a machine."""
        return f"{self._prefix}-{name}"

    def address(self, name: str) -> str:
        """Return the address of a machine."""
        return f"{SUBNET}.{self._names.index(name) + 1}"

    def cut_off(self, name: str) -> None:
        """Disconnect a machine's cable: connections stay open and nothing arrives."""
        self._at("middle", "link", "set", name, "down")

    def bring_back(self, name: str) -> None:
        """Connect the cable again."""
        self._at("middle", "link", "set", name, "up")

    def close(self) -> None:
        """Remove the namespaces, and the cables with them."""
        for name in self._names:
            _ip("netns", "delete", self.namespace(name), check=False)
