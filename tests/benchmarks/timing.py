"""How long a call takes in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.stats import percentile


def median_ms(action: Callable[[], Any], samples: int) -> float:
    """The median of many calls, in milliseconds."""
    action()  # the first one compiles and connects
    took = []
    for _ in range(samples):
        begin = time.perf_counter()
        action()
        took.append(1000 * (time.perf_counter() - begin))
    return percentile(took, 50)
