"""Mistakes that type checkers must report: each line that is marked so, and no other."""

from datetime import date

from jobs import JobContext, job, submit

from .tasks import count_words, later, report, soon

count_words.enqueue()  # wrong
count_words.enqueue(7)  # wrong
count_words.enqueue("x", 1, 2)  # wrong
count_words.enqueue("x", length=2)  # wrong
count_words.enqueue("x", min_length="2")  # wrong
report.enqueue("2026-11-21")  # wrong
report.enqueue(date(2026, 11, 21), "note")  # wrong
later.enqueue("1")  # wrong
soon.call("1")  # wrong
count_words.using(priority="high")  # wrong
count_words.using(run_after="tomorrow")  # wrong
count_words.using(color="red")  # wrong
count_words.options(timeout="5")  # wrong
count_words.options(max_attempts="3")  # wrong
count_words.get_result(7)  # wrong
count_words("x")  # wrong, but only where django.tasks has types
text: str = count_words.enqueue("x").return_value  # wrong
number: str = later.enqueue(1).return_value  # wrong
count_words.enqueue("x").value  # wrong, but only where django.tasks has types
submit(7)  # wrong
job(executor="ray")  # wrong
job(retries=3)  # wrong


async def wait() -> None:
    await count_words.aenqueue(7)  # wrong
    later.enqueue(1).return_value.upper()  # wrong


@job
def with_context(context: JobContext) -> None:
    context.progress("half")  # wrong
    context.save_artifact(7, b"data")  # wrong
    context.unknown()  # wrong
