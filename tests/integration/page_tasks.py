"""Tasks for the tests of the pages: one argument of each kind, and one for each permission."""

from __future__ import annotations

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, EmailStr, Field, HttpUrl

from jobs import InputFile, LongText, job

KINDS = "pages.kinds"
FILES = "pages.files"
MAILING = "pages.mailing"
PLAIN = "pages.count_words"


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Box(BaseModel):
    width: int
    height: int = 3


def declare() -> None:
    """Declare them, as an app's module of tasks would by being imported."""

    @job(name=KINDS, title="One of each kind")
    def kinds(  # noqa: PLR0917 (one of each)
        text: str,
        count: Annotated[int, Field(ge=1, le=9, description="How many.")],
        mode: Literal["fast", "careful"],
        box: Box,
        note: LongText = "",
        ratio: float | None = None,
        colours: list[Literal["red", "green"]] = ["red"],  # noqa: B006
        words: list[str] = [],  # noqa: B006
        numbers: list[int] = [],  # noqa: B006
        size: Size = Size.SMALL,
        day: date | None = None,
        moment: datetime | None = None,
        mail: EmailStr | None = None,
        url: HttpUrl | None = None,
        sure: bool = True,
        maybe: bool | None = None,
        level: Literal[1, 2, 3, 4, 5, 6, 7] = 2,
        anything: Any = None,
    ) -> None:
        "Take one argument of each kind."

    @job(name=FILES, title="Read files")
    def files(log: InputFile, more: list[InputFile] = []) -> int:  # noqa: B006
        "Read what was sent."
        return log.size

    @job(name=MAILING, title="Mailing for staff", queue="mail", permission="staff")
    def mailing(to: str) -> None:
        "Only staff may."

    @job(name=PLAIN, title="Count words", max_attempts=3, priority=5)
    def count_words(text: str, min_length: int = 1) -> dict[str, int]:
        "Count how often each word occurs."
        return {}
