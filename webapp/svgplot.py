"""A bar chart as an SVG document, written by hand: no plotting library to install for one plot.

The picture has a background of its own, so it reads well wherever it is shown. It follows the
reader's light or dark mode, and on a narrow screen its text is larger. The colours are also given
as plain attributes: where a policy forbids the style sheet, the light ones remain.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from jobs.core.bar_layout import PlotArea, bar_boxes

WIDTH, HEIGHT = 760, 340
LEFT, RIGHT, TOP, BOTTOM = 66, 24, 84, 44
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
PLOT_AREA = PlotArea(left=LEFT, bottom=HEIGHT - BOTTOM, height=INNER_HEIGHT)
MIN_HEIGHT = 0.5

ROLES = ("paper", "ink", "soft", "line", "bar")
LIGHT = dict(zip(ROLES, ("#ffffff", "#1c2430", "#5b6675", "#dfe4ec", "#2f6fde"), strict=True))
DARK = dict(zip(ROLES, ("#14181f", "#e6e9ef", "#a3aebd", "#2c3440", "#6ea4f7"), strict=True))


@dataclass(frozen=True)
class Bar:
    """One bar: its value, and the text that is shown when it is pointed at."""

    value: float
    label: str


@dataclass(frozen=True)
class Tick:
    """A mark on the horizontal axis; ``position`` counts in bars from the left."""

    position: float
    label: str


def bar_chart(
    bars: Sequence[Bar], ticks: Sequence[Tick] = (), *, title: str, subtitle: str, description: str
) -> str:
    """Return the chart as an SVG document.

    ``description`` is for those who do not see it. Values must not be negative.
    """
    levels = nice_levels(max((bar.value for bar in bars), default=0))
    parts = [
        *_frame(title, subtitle, description),
        *_horizontal_lines(levels),
        *_bars(bars, levels[-1]),
        *_ticks(ticks, len(bars)),
        _axis(LEFT, f"h{INNER_WIDTH}"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def nice_levels(maximum: float, about: int = 5) -> list[float]:
    """Return round whole numbers, evenly spaced, from 0 to ``maximum`` or just above it."""
    rough = max(maximum, 1) / about
    power = 10.0 ** math.floor(math.log10(rough))
    steps = (factor * power for factor in (1, 2, 2.5, 5, 10))
    step = next((step for step in steps if step >= rough and step == round(step)), 1.0)
    return [step * number for number in range(math.ceil(max(maximum, 1) / step) + 1)]


def short_number(value: float) -> str:
    """Return a number for an axis: 950, 1.5k, 40k, 2M."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _clean(text: str) -> str:
    """Escape for XML, without the characters that XML 1.0 cannot hold at all."""
    kept = "".join(c if c >= " " and c not in "\x7f\ufffe\uffff" else " " for c in text)
    return escape(kept.encode("utf-8", "replace").decode("utf-8"))


def _style() -> str:
    def palette(colours: dict[str, str]) -> str:
        return (
            f".paper{{fill:{colours['paper']}}}.ink{{fill:{colours['ink']}}}"
            f".soft{{fill:{colours['soft']}}}.bar{{fill:{colours['bar']}}}"
            f".line{{stroke:{colours['line']}}}.axis{{stroke:{colours['soft']}}}"
        )

    return (
        "<style>text{font-family:system-ui,sans-serif;font-variant-numeric:tabular-nums}"
        f"{palette(LIGHT)}@media (prefers-color-scheme:dark){{{palette(DARK)}}}"
        "@media (max-width:480px){.small{font-size:20px}.large{font-size:26px}"
        ".odd{display:none}}</style>"
    )


def _frame(title: str, subtitle: str, description: str) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-labelledby="chart-title chart-description">'
    )
    yield f'<title id="chart-title">{_clean(title)}</title>'
    yield f'<desc id="chart-description">{_clean(description)}</desc>'
    yield _style()
    yield f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{LIGHT["paper"]}"/>'
    yield _text(LEFT - 42, 32, title, "ink", size=19, extra=' font-weight="600"')
    yield _text(LEFT - 42, 55, subtitle, "soft")


def _text(
    x: float, y: float, text: str, kind: str, *, size: int = 13, anchor: str = "start",
    extra: str = "",
) -> str:  # fmt: skip
    scale = "small" if size == 13 else "large"
    colour = LIGHT[kind.split(maxsplit=1)[0]]
    return (
        f'<text class="{kind} {scale}" x="{x:.1f}" y="{y:.1f}" font-size="{size}" '
        f'text-anchor="{anchor}" fill="{colour}"{extra}>{_clean(text)}</text>'
    )


def _axis(x: float, line: str) -> str:
    return f'<path class="axis" stroke="{LIGHT["soft"]}" d="M{x:.1f} {HEIGHT - BOTTOM}{line}"/>'


def _horizontal_lines(levels: Sequence[float]) -> Iterator[str]:
    for level in levels:
        y = HEIGHT - BOTTOM - INNER_HEIGHT * level / levels[-1]
        if level:
            yield f'<path class="line" stroke="{LIGHT["line"]}" d="M{LEFT} {y:.1f}h{INNER_WIDTH}"/>'
        yield _text(LEFT - 8, y + 4.5, short_number(level), "soft", anchor="end")


def _bars(bars: Sequence[Bar], top: float) -> Iterator[str]:
    if not bars:
        yield _text(WIDTH / 2, TOP + INNER_HEIGHT / 2, "Nothing to show", "soft", anchor="middle")
        return
    step = INNER_WIDTH / len(bars)
    width = min(step * 0.82, 48)
    values = [bar.value for bar in bars]
    boxes = bar_boxes(values, top, PLOT_AREA, step=step, width=width, min_height=MIN_HEIGHT)
    for bar, box in zip(bars, boxes, strict=True):
        if bar.value:
            yield (
                f'<rect class="bar" x="{box.x:.1f}" y="{box.y:.1f}" '
                f'width="{box.width:.1f}" height="{box.height:.1f}" fill="{LIGHT["bar"]}">'
                f"<title>{_clean(bar.label)}</title></rect>"
            )


def _ticks(ticks: Sequence[Tick], count: int) -> Iterator[str]:
    for number, tick in enumerate(ticks):
        x = LEFT + tick.position * INNER_WIDTH / max(count, 1)
        yield _axis(x, "v5")
        if x <= WIDTH - RIGHT - 12:  # a label at the very end would be cut off
            kind = "soft odd" if number % 2 else "soft"
            yield _text(x, HEIGHT - BOTTOM + 22, tick.label, kind, anchor="middle")
