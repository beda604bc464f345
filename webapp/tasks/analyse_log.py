"""A task that reads a large file as a stream, reports its progress, and makes files."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from jobs import InputFile, JobContext, job
from jobs.errors import GiveUp
from webapp.accesslog import (
    LogSource,
    LogUnreadable,
    Tally,
    TimeUnit,
    format_of,
    hours_csv,
    hours_svg,
    summary,
)

Log = Annotated[
    InputFile,
    Field(title="Access log", description="Common or combined format, plain or packed with gzip."),
]
Top = Annotated[int, Field(ge=1, le=100, description="How many paths and slow requests to list.")]

Unit = Annotated[
    TimeUnit,
    Field(
        title="Unit of whole numbers",
        description="What a whole number at the end of a line counts. Auto: microseconds (Apache's "
        "%D), or seconds (%T) if most are below 10. With a decimal point it is in seconds.",
    ),
]


@job(title="Analyse an access log", executor="process", timeout=3600, max_attempts=2)
def analyse_log(
    context: JobContext, log: Log, top: Top = 20, time_unit: Unit = "auto"
) -> dict[str, Any]:
    """Count requests per hour, top paths, status classes and the slowest requests of a web server.

    The log is in common or combined format, plain or packed with gzip. Notes in the result say how
    the times of the requests were read, and what was left out.
    """
    tally = Tally(slowest=top, unit=time_unit)
    try:
        with LogSource(log.path) as source:
            _read(context, source, tally)
    except LogUnreadable as error:
        raise GiveUp(f"{error} Lines read before: {tally.lines:,}.") from error
    if tally.malformed and not tally.requests:
        raise GiveUp(_no_log(tally, source.notes))
    if source.notes and not tally.lines:
        raise GiveUp(" ".join(source.notes))
    series = tally.hours.series()
    context.save_artifact("requests-per-hour.svg", hours_svg(series))
    context.save_artifact("requests-per-hour.csv", hours_csv(series))
    return summary(tally, series, top, source.notes)


def _no_log(tally: Tally, notes: list[str]) -> str:
    name = format_of(tally.first_malformed)
    guess = [f"This looks like {name}."] if name else []
    what = ["No line is in common or combined format.", *guess, *notes, f"See {tally.samples[0]}"]
    return " ".join(what)


def _read(context: JobContext, source: LogSource, tally: Tally) -> None:
    """Feed the log to the tally, block by block, and report progress and bad lines."""
    logged = 0
    for block in source.blocks():
        tally.feed(block)
        for sample in tally.samples[logged:]:
            context.log(f"Not a log line, {sample}")
        logged = len(tally.samples)
        context.progress(source.position, source.size, f"{tally.lines:,} lines")
