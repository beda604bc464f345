"""What is measured. Each work takes a ``Bench`` and returns its figures by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.benchmarks.run import Bench

from .bulk import bulk
from .compute import compute
from .crash import crash, long, one_dies
from .endure import endure
from .grown import grown
from .idle import pickup, rest, start
from .price import price
from .speed import burst
from .web import crowd, poll, submit

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
    "bulk": bulk,
    "grown": grown,
    "endure": endure,
    "price": price,
}
