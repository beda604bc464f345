"""Tasks of a project whose types are checked; no test runs them."""

from datetime import date, timedelta

from jobs import InputFile, JobContext, LongText, job


@job
def count_words(text: str, min_length: int = 1) -> dict[str, int]:
    return {text: min_length}


@job(title="Report", queue="mail", timeout=timedelta(minutes=5), executor="process")
def report(context: JobContext, day: date, *, note: LongText = "") -> str:
    context.progress(1, 2, "half")
    context.log(f"{context.attempt}: {note}")
    context.save_artifact("day.txt", str(day))
    return context.job_id


@job
async def later(context: JobContext, n: int) -> int:
    return n


@job(timeout=None)
async def soon(n: int) -> int:
    return n


@job
def read(log: InputFile) -> int:
    return log.size
