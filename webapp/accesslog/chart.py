"""The hours of a log as a plot and as a table of comma-separated values."""

from __future__ import annotations

import csv
import io

from webapp.svgplot import Bar, Tick, bar_chart

from .hours import HourSeries
from .pattern import MONTHS

MAX_BARS = 200
MAX_TICKS = 8
WIDTHS = (1, 2, 3, 4, 6, 12)  # those that divide a day, so that bars begin at midnight
STEPS = (1, 2, 3, 6, 12, 24, 48, 72, 168)
MONTH_NAMES = tuple(MONTHS)


def hours_csv(series: HourSeries) -> str:
    """Return the series as CSV text with a line of names."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("hour", "requests"))
    writer.writerows((hour.isoformat(), count) for hour, count in series.rows())
    return text.getvalue()


def hours_svg(series: HourSeries) -> str:
    """Return the series as a bar chart.

    A log of many days gets bars of several hours, each showing the mean of its hours.
    """
    title = "Requests per hour"
    if not series.counts:
        return bar_chart([], title=title, subtitle="The log holds no request", description="Empty.")
    width = _bar_hours(series.last - series.first + 1)
    counts = series.bins(width)
    start = series.first // width * width
    bars = [
        Bar(count / width, f"{_hour_name(series, start + number * width)}: {_amount(count, width)}")
        for number, count in enumerate(counts)
    ]
    return bar_chart(
        bars,
        _ticks(series, start, width, len(bars)),
        title=title,
        subtitle=_subtitle(series, width),
        description=_description(series),
    )


def _bar_hours(span: int) -> int:
    """Return how many hours one bar must cover for a log of ``span`` hours."""
    fitting = (width for width in WIDTHS if span <= width * MAX_BARS)
    return next(fitting, 24 * -(-span // (24 * MAX_BARS)))


def _amount(count: int, width: int) -> str:
    return f"{count:,}" if width == 1 else f"{count:,} in {_duration(width)}"


def _duration(hours: int) -> str:
    if hours % 24:
        return f"{hours} hours"
    return "a day" if hours == 24 else f"{hours // 24} days"


def _day_name(series: HourSeries, number: int) -> str:
    moment = series.moment(number)
    return f"{moment.day} {MONTH_NAMES[moment.month - 1]} {moment:%Y}"


def _hour_name(series: HourSeries, number: int) -> str:
    return f"{_day_name(series, number)}, {number % 24:02}:00"


def _subtitle(series: HourSeries, width: int) -> str:
    first, last = _day_name(series, series.first), _day_name(series, series.last)
    days = f"on {first}" if first == last else f"from {first} to {last}"
    zone = series.moment(series.first).tzname()
    bars = f"; bars: mean of {_duration(width)}" if width > 1 else ""
    return f"{sum(series.counts.values()):,} {days}, {zone}{bars}"


def _description(series: HourSeries) -> str:
    peak = max(series.counts, key=series.counts.__getitem__)
    return (
        f"From {_hour_name(series, series.first)} to {_hour_name(series, series.last)}. "
        f"The busiest hour was {_hour_name(series, peak)} with {series.counts[peak]:,} requests."
    )


def _ticks(series: HourSeries, start: int, width: int, count: int) -> list[Tick]:
    """Put at most MAX_TICKS marks on the axis, at midnights or round hours."""
    span = count * width
    weeks = -(-span // (168 * MAX_TICKS))
    step = next((step for step in STEPS if span <= step * MAX_TICKS), 168 * weeks)
    # Day 1 of the calendar was a Monday: counted from there, weeks begin on Mondays.
    first = start + (24 - start) % step
    return [
        Tick((number - start) / width, _tick_name(series, number, step))
        for number in range(first, start + span, step)
    ]


def _tick_name(series: HourSeries, number: int, step: int) -> str:
    moment = series.moment(number)
    month = MONTH_NAMES[moment.month - 1]
    if number % 24:
        return f"{moment:%H:%M}"
    return f"{month} {moment:%Y}" if step > 1000 else f"{moment.day} {month}"
