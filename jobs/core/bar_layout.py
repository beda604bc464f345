"""Where the bars of a bar chart are: for the admin's dashboard and for charts that tasks draw.

It is not part of the admin because importing ``jobs.admin`` registers models with Django's admin:
a task that draws a chart in a child process does not need that. It needs no Django.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BarBox:
    """The rectangle of a bar, in the units of the picture; ``y`` is its upper edge."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PlotArea:
    """The part of a picture in which the bars are: its left and lower edge, and its height."""

    left: float
    bottom: float
    height: float


def bar_boxes(
    values: Sequence[float],
    top: float,
    area: PlotArea,
    *,
    step: float,
    width: float,
    min_height: float,
) -> Iterator[BarBox]:
    """Yield the box of each value, from left to right; a value of 0 has no height.

    Args:
        values: 0 or more each.
        top: the value whose bar is as high as the area; more than 0.
        area: where the bars are.
        step: from one bar to the next, each in the middle of its step.
        width: of a bar.
        min_height: of a bar whose value is not 0: one among thousands is still seen.
    """
    for number, value in enumerate(values):
        height = max(area.height * value / top, min_height) if value else 0.0
        x = area.left + number * step + (step - width) / 2
        yield BarBox(x, area.bottom - height, width, height)
