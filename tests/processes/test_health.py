"""``runconsumers --health-file`` and ``--health-port``, with real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.consumers import ConsumerHandle, Consumers, stored, wait_finished, wait_status
from tests.freezing import default_is_free, freeze
from tests.testapp import leaving, tasks
from tests.waiting import wait_until

pytestmark = pytest.mark.processes


def url_of(consumer: ConsumerHandle) -> str:
    found = re.search(r"health: (http://\S+)/healthz", "".join(consumer.log))
    assert found is not None, consumer.log
    return found[1]


def ask(url: str) -> tuple[int, str]:
    """Return the status, and what is wrong."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return response.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["detail"]


def test_a_consumer_shows_that_it_is_ready_that_it_stops_and_that_it_is_gone(
    consumers: Consumers, tmp_path: Path
) -> None:
    file = tmp_path / "health"
    # A lease of a second: ten heartbeats.
    consumer = consumers.start(f"--health-file={file}", "--health-port=0", JOBS_LEASE_SECONDS="1")
    url = url_of(consumer)
    wait_until(lambda: ask(f"{url}/readyz") == (200, ""), what="it is ready")
    first = file.stat().st_mtime
    wait_until(lambda: file.stat().st_mtime > first, what="another heartbeat")
    assert ask(f"{url}/healthz") == (200, "")
    held = tasks.hold.enqueue(str(tmp_path / "go"))
    wait_status(held.id, "running")

    consumer.signal(signal.SIGTERM)

    wait_until(lambda: ask(f"{url}/readyz") == (503, "The consumer is stopping."))
    assert ask(f"{url}/healthz") == (200, ""), "it finishes what runs"
    (tmp_path / "go").touch()
    assert consumer.wait() == 0
    assert stored(held.id).status == "succeeded"
    assert not file.exists()


def test_several_processes_are_ready_when_all_of_them_are(
    consumers: Consumers, tmp_path: Path
) -> None:
    file = tmp_path / "health"
    parent = consumers.start(
        "--processes=2",
        f"--health-file={file}",
        "--health-port=0",
        ready=2,
        JOBS_LEASE_SECONDS="1",
    )
    url = url_of(parent)
    wait_until(lambda: ask(f"{url}/readyz") == (200, ""), what="both are ready")
    wait_until(file.exists, what="the file")
    (pid, *_) = wait_until(lambda: pids(parent))
    freeze(pid, default_is_free)
    try:
        wait_until(lambda: ask(f"{url}/readyz")[0] == 503, what="one is silent")
        assert ask(f"{url}/readyz")[1].startswith("No heartbeat was committed for ")
        old = file.stat().st_mtime
        held = tasks.square.enqueue(3)
        assert wait_finished(held.id).result == 9, "the other goes on"
        assert file.stat().st_mtime == old
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: ask(f"{url}/readyz") == (200, ""), what="both go on")
    assert parent.stop() == 0
    assert not file.exists()
    assert not list((tmp_path / "var" / "tmp").glob("health-*"))


def pids(parent: ConsumerHandle) -> list[int]:
    files = Path(f"/proc/{parent.pid}/task").glob("*/children")
    return [int(word) for file in files for word in file.read_text(encoding="ascii").split()]


def test_what_cannot_be_shown_is_one_sentence(consumers: Consumers, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "health"
    consumer = consumers.launch(f"--health-file={missing}")
    assert consumer.wait() == 2
    consumer.close()
    assert consumer.log == [
        f"CommandError: --health-file {missing} cannot be written: No such file or directory.\n"
    ]


@pytest.mark.django_db(transaction=True)
def test_called_from_code_it_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "health"
    leaving.add.enqueue("x")
    call_command("runconsumers", until_idle=True, health_file=str(file), health_port=0)
    assert not file.exists()
    with pytest.raises(CommandError, match="--health-port must be between"):
        call_command("runconsumers", until_idle=True, health_port=-1)
