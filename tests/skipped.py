"""A pytest plugin: the last line of a run says which tests were skipped, and how to run them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator, Iterable
from typing import Any, Final

import pytest

REMEDIES: Final = {
    "windows": "set JOBS_TEST_WINDOWS=FOLDER/python, made by .ci/windows/setup FOLDER",
    "kafka": "set JOBS_TEST_KAFKA=kafka://host:port",
    "rabbitmq": "set JOBS_TEST_RABBITMQ=amqp://user:password@host:port",
    "redis": "set JOBS_TEST_REDIS=redis://host:port/0",
    "postgres": "set JOBS_TEST_POSTGRES=postgres://user:password@host:port/postgres",
    "browser": "install Chromium",
    "curl": "install curl and bash",
    "promtool": "install Debian's prometheus",
    "install": "set JOBS_TEST_REQUIRE=install, it downloads packages",
    "typing": "install the extra dev",
    "clients": "install npm and set JOBS_TEST_REQUIRE=clients, it downloads packages",
    "nginx": "install nginx and openssl",
    "trackers": "install the extra dev",
    "systemd": "Linux, with systemd",
    "faketime": "install Debian's faketime",
    "machines": "Linux, as root, with iproute2",
    "site": "Linux, as root, with iproute2, nginx, pgbouncer, PostgreSQL and moto",
    "namespaces": "Linux, with the right to unshare",
}
"""What lets the tests with a marker run. With several, the first missing one counts."""
SERVERS: Final = {"kafka", "rabbitmq", "redis", "postgres"}
OTHER: Final = "other"


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around the terminal's own, which prints the totals
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Print the line after everything else."""
    result = yield
    terminal: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not session.config.option.collectonly:
        skipped = terminal.stats.get("skipped", [])
        terminal.write_line(last_line(set(report.keywords) for report in skipped))
    return result


def last_line(skipped: Iterable[set[str]]) -> str:
    """Return the line for these tests, each given by its keywords, which include its markers."""
    counts = Counter(map(_missing, skipped))
    parts = [f"{name} {counts[name]} ({REMEDIES[name]})" for name in REMEDIES if counts[name]]
    if counts[OTHER]:
        parts.append(f"{OTHER} {counts[OTHER]} (each with its reason above)")
    return f"Skipped: {'; '.join(parts) or 'nothing'}."


def _missing(keywords: set[str]) -> str:
    there = {name for name in SERVERS if os.environ.get(f"JOBS_TEST_{name.upper()}")}
    return next((name for name in REMEDIES if name in keywords - there), OTHER)
