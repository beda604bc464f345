"""A little arithmetic on samples."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share (0 to 100) of the samples do not exceed; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = round(share / 100 * (len(ordered) - 1))
    return round(ordered[min(len(ordered) - 1, max(0, place))], 3)


def shown(value: float) -> str:
    """A number as a person writes it: three figures that count."""
    if value == int(value) and value < 1000:
        return str(int(value))
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def median_and_range(values: Sequence[float]) -> str:
    """``12.3``, or ``12.3 (11.9-14.0)`` of several."""
    middle = shown(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({shown(min(values))}-{shown(max(values))})"
