"""A bar chart as numbers for a template: SVG without inline style or script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jobs.core.formatting import pluralize

STEP: Final = 30
HEIGHT: Final = 100
GAP: Final = 4
LABEL_EVERY: Final = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour and how many jobs finished in it."""

    start: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bar with its place in the picture, in whole units."""

    x: int
    y: int
    width: int
    height: int
    told: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The picture: its size, its bars, the number at its top, and the hours to write below."""

    width: int
    height: int
    bars: list[Drawn]
    top: int
    hours: list[str]
    told: str


def chart(bars: Sequence[Bar], cap: int) -> Chart:
    """Lay out the bars; ``cap`` is where counting stopped."""
    top = max((bar.count for bar in bars), default=0)
    drawn = [_drawn(number, bar, top or 1, cap) for number, bar in enumerate(bars)]
    total = sum(bar.count for bar in bars)
    told = f"{pluralize(total, 'job')} finished in {len(bars)} hours, at most {top:,} in one."
    hours = [f"{bar.start:%H:%M}" for bar in bars[::LABEL_EVERY]]
    return Chart(STEP * len(bars), HEIGHT, drawn, top, hours, told)


def _drawn(number: int, bar: Bar, top: int, cap: int) -> Drawn:
    # A single job among thousands is still seen.
    height = max(2, round(HEIGHT * bar.count / top)) if bar.count else 0
    more = " or more" if bar.count >= cap else ""
    return Drawn(
        x=number * STEP + GAP // 2,
        y=HEIGHT - height,
        width=STEP - GAP,
        height=height,
        told=f"{bar.start:%H:%M} to {bar.start:%H}:59: {pluralize(bar.count, 'job')}{more}",
    )
