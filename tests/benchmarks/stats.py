"""Statistics of samples, and how they are written."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` percent of the samples do not exceed; 0 for no samples."""
    if not values:
        return 0.0
    ordered = sorted(values)
    index = round(share / 100 * (len(ordered) - 1))
    return round(ordered[min(len(ordered) - 1, max(0, index))], 3)


def format_number(value: float) -> str:
    """Return a number with three significant digits."""
    if value == int(value) and value < 1000:
        return str(int(value))
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def format_median(values: Sequence[float]) -> str:
    """Return ``12.3``, or ``12.3 (11.9-14.0)`` for several values."""
    middle = format_number(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({format_number(min(values))}-{format_number(max(values))})"
