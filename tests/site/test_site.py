"""The storm goes through a whole site: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import json
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.network import why_not
from tests.site.deployment import Deployment
from tests.site.storm import SiteStorm
from tests.site.web import PREFIX

pytestmark = [
    pytest.mark.processes,
    pytest.mark.site,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]


@pytest.fixture(scope="module")
def site() -> Iterator[Deployment]:
    # Not pytest's folder, which only root may read: PostgreSQL and the pooler run as another user.
    with tempfile.TemporaryDirectory(prefix="site-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = Deployment(folder)
        yield made
        made.close()


def test_nothing_is_lost(site: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("JOBS_STORM_SEED", random.randrange(10**6)))
    storm = SiteStorm(site, seed)
    try:
        storm.run(print)
    finally:
        print(*site.problems(), sep="\n")
    with capsys.disabled():
        print(f"\nstorm through the site, seed {seed}: {storm.summary()}")
    assert [str(violation) for violation in site.violations()] == []


def test_links_have_the_prefix(site: Deployment) -> None:
    status, said = site.ask("GET", "jobs?limit=1")
    assert status == 200
    (job,) = json.loads(said)["items"]
    for link in filter(None, job["links"].values()):
        assert link.startswith(f"{PREFIX}/")


def test_a_lost_artifact_is_noticed(site: Deployment) -> None:
    job, file = site.rows("SELECT job_id, file FROM jobs_artifact LIMIT 1")[0]
    site.storage.delete(f"some/folder/{file}")
    assert {(found.kind, found.job) for found in site.violations()} == {("lost file", job)}
