"""The chart of the dashboard as numbers for a template: SVG without inline style or script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jobs.core.bar_layout import BarBox, PlotArea, bar_boxes
from jobs.core.formatting import pluralize

STEP: Final = 30
HEIGHT: Final = 100
GAP: Final = 4
MIN_HEIGHT: Final = 2
LABEL_EVERY: Final = 4


@dataclass(frozen=True, slots=True)
class HourCount:
    """One hour and how many jobs finished in it."""

    start: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the picture, in whole units, and its description."""

    x: int
    y: int
    width: int
    height: int
    description: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The picture: its size, its bars, its largest count, the hours below it, its description."""

    width: int
    height: int
    bars: list[Bar]
    top: int
    hours: list[str]
    description: str


def chart(hours: Sequence[HourCount], cap: int) -> Chart:
    """Lay out the hours as bars; ``cap`` is the count at which counting stopped."""
    top = max((hour.count for hour in hours), default=0)
    boxes = bar_boxes(
        [hour.count for hour in hours],
        top or 1,
        PlotArea(left=0, bottom=HEIGHT, height=HEIGHT),
        step=STEP,
        width=STEP - GAP,
        min_height=MIN_HEIGHT,
    )
    bars = [_bar(hour, box, cap) for hour, box in zip(hours, boxes, strict=True)]
    total = sum(hour.count for hour in hours)
    description = (
        f"{pluralize(total, 'job')} finished in {len(hours)} hours, at most {top:,} in one."
    )
    labels = [f"{hour.start:%H:%M}" for hour in hours[::LABEL_EVERY]]
    return Chart(STEP * len(hours), HEIGHT, bars, top, labels, description)


def _bar(hour: HourCount, box: BarBox, cap: int) -> Bar:
    height = round(box.height)
    count = pluralize(hour.count, "job") + (" or more" if hour.count >= cap else "")
    description = f"{hour.start:%H:%M} to {hour.start:%H}:59: {count}"
    return Bar(round(box.x), HEIGHT - height, round(box.width), height, description)
