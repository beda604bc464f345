"""A consumer of a Kafka topic keeps its partitions while it has no free slot."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.brokers.servers import Setup
from tests.consumers import Consumers, wait_finished, wait_status
from tests.testapp import tasks
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.processes,
    pytest.mark.parametrize("setup", [Setup("kafka", broker="kafka").parameter()], indirect=True),
]
MOST_SILENT_MS = 6000
"""The least that our session time-out allows; the default is five minutes."""
WATCHED_SECONDS = 1.5 * MOST_SILENT_MS / 1000


def _members(url: str) -> list[str]:
    """The members of the group of the queue ``default``."""
    admin = AdminClient({"bootstrap.servers": url.partition("://")[2]})
    found = admin.describe_consumer_groups(["jobs.default"])["jobs.default"].result(10)
    return sorted(member.member_id for member in found.members if member.assignment is not None)


def test_a_long_job_keeps_the_partitions(
    consumers: Consumers, setup: Setup, tmp_path: Path
) -> None:
    """Kafka excludes a consumer that does not poll for long; ours polls though no slot is free."""
    url = setup.broker_url()
    go = tmp_path / "go"
    consumers.start(
        "--concurrency",
        "1",
        JOBS_BROKER_URL=f"{url}?max.poll.interval.ms={MOST_SILENT_MS}",
        JOBS_SWEEP_SECONDS="3600",
    )
    held = tasks.hold_in_process.enqueue(path=str(go))
    wait_status(held.id, "running")
    before = wait_until(lambda: _members(url))
    waiting = [tasks.square.enqueue(n).id for n in range(3)]

    with pytest.raises(AssertionError, match="Not within"):
        wait_until(lambda: _members(url) != before, timeout=WATCHED_SECONDS, interval=0.5)

    go.touch()
    assert [wait_finished(one).result for one in waiting] == [0, 1, 4]
    assert wait_finished(held.id).attempt == 1
