"""Tasks that the API's tests submit, under names that no other test uses."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from jobs import InputFile, job

ADD = "tests.add_numbers"
READ = "tests.read_file"
FREE = "tests.take_anything"
SECRET = "tests.staff_only"
NARROW = "tests.permission_only"


def declare() -> None:
    """Declare the tasks, as an app's module of tasks would by being imported."""

    @job(name=ADD, title="Add numbers", priority=5, max_attempts=3)
    def add_numbers(n: Annotated[int, Field(ge=0)], m: int = 1) -> int:
        "Add two numbers.\n\nThis is not part of it."
        return n + m

    @job(name=READ)
    def read_file(log: InputFile, more: list[InputFile] = []) -> int:  # noqa: B006
        "Read a file."
        return log.size

    @job(name=FREE)
    def take_anything(value: Any = None, text: str = "") -> None:
        "Take anything."

    @job(name=SECRET, permission="staff")
    def staff_only() -> None:
        "For staff."

    @job(name=NARROW, permission="jobs.view_queue")
    def permission_only() -> None:
        "For those with the permission."
