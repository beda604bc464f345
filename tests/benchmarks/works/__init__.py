"""The works: each takes a ``Bench`` and returns its values by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.run import Bench
from tests.benchmarks.works.bulk import bulk
from tests.benchmarks.works.bulk_http import bulk_http
from tests.benchmarks.works.burst import burst
from tests.benchmarks.works.compute import compute
from tests.benchmarks.works.crash import crash, long, one_dies
from tests.benchmarks.works.endure import endure
from tests.benchmarks.works.feed import feed
from tests.benchmarks.works.grown import grown
from tests.benchmarks.works.http import crowd, poll, submit, waiters
from tests.benchmarks.works.idle import pickup, rest, start
from tests.benchmarks.works.price import price
from tests.benchmarks.works.prune import prune
from tests.benchmarks.works.webhooks import webhooks

WORKS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "start": start,
    "pickup": pickup,
    "burst": burst,
    "submit": submit,
    "compute": compute,
    "crash": crash,
    "one-dies": one_dies,
    "long": long,
    "rest": rest,
    "poll": poll,
    "crowd": crowd,
    "waiters": waiters,
    "bulk": bulk,
    "bulk-http": bulk_http,
    "feed": feed,
    "webhooks": webhooks,
    "grown": grown,
    "endure": endure,
    "price": price,
    "prune": prune,
}
