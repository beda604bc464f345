"""``manage.py results``: lines of JSON in the order of ending, from any of their cursors."""

from __future__ import annotations

import io
import json
import os
import signal
from typing import Any

import pytest
from django.core.management.base import OutputWrapper
from django.db import OperationalError

from jobs.feed import Cursor, FeedClosed, HeldBack, Item, Page
from jobs.management.commands.results import _ascii
from jobs.management.follow import Follower
from tests.factories import end, make_user, record, take_one
from tests.integration.command_output import CommandOutput

pytestmark = pytest.mark.django_db


def ended(**fields: Any) -> str:
    job = record(**fields)
    assert end(take_one(), result="é")
    return str(job.pk)


def lines(*words: str) -> list[dict[str, Any]]:
    told = CommandOutput("results", *words)
    assert (told.code, told.error, told.err) == (0, "", "")
    return [json.loads(line) for line in told.out.splitlines()]


def test_each_line_is_a_job_with_a_cursor_to_go_on_from() -> None:
    expected = [ended() for _ in range(3)]
    found = lines()
    assert [line["id"] for line in found] == expected
    assert found[0]["links"]["self"] == f"/api/v1/jobs/{expected[0]}"
    assert found[0]["result"] == "é"
    assert [line["id"] for line in lines("--after", found[0]["cursor"])] == expected[1:]
    assert lines("--after", found[2]["cursor"]) == []


def test_only_a_task_and_only_an_owner() -> None:
    ada = make_user()
    ended()
    mine, other = ended(owner=ada), ended(task="testapp.fail")
    assert [line["id"] for line in lines("--owner", "ada")] == [mine]
    assert [line["id"] for line in lines("--task", "testapp.fail")] == [other]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--after", "nonsense"), 2, "--after takes"),
        (("--after", str(Cursor(1, Cursor.start().job_id, 1))), 1, "may have been deleted"),
        (("--task", "no.such"), 2, "no.such"),
        (("--owner", "nobody"), 2, "nobody"),
    ],
)
def test_bad_input_is_a_sentence(words: tuple[str, ...], code: int, said: str) -> None:
    told = CommandOutput("results", *words)
    assert (told.code, told.out) == (code, "")
    assert said in told.error


def test_a_line_can_be_written_in_ascii() -> None:
    text = json.dumps({"a": "é\U0001f600\u2028"}, ensure_ascii=False)
    assert _ascii(text).isascii()
    assert json.loads(_ascii(text)) == json.loads(text)


class Feed:
    """Answers a follower, one answer a call, and at the end presses Ctrl-C."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Cursor | None] = []
        self.printed: list[str] = []
        self.remarks = io.StringIO()

    def read(self, after: Cursor | None) -> Page:
        self.asked.append(after)
        if not self.answers:
            signal.raise_signal(signal.SIGINT)
            return Page([], Cursor.start(), more=False)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    def follow(self, after: Cursor | None = None) -> None:
        def write(page: Page) -> None:
            self.printed += [text for text, *_ in page.items]

        Follower(self.read, write, OutputWrapper(self.remarks)).follow(after)


def place(position: int) -> Cursor:
    return Cursor(position, Cursor.start().job_id, 0)


def page(*positions: int, held: HeldBack | None = None) -> Page:
    items = [Item(f"job {number}", number, Cursor.start().job_id) for number in positions]
    return Page(items, place(positions[-1] if positions else 9), more=False, held_back=held)


def test_a_follower_goes_on_where_it_was_and_ends_at_ctrl_c() -> None:
    feed = Feed(page(1, 2), page(), page(3))
    feed.follow(place(0))
    assert feed.printed == ["job 1", "job 2", "job 3"]
    assert feed.asked == [place(0), place(2), place(9), place(3)]
    assert feed.remarks.getvalue() == ""


def test_a_follower_outlives_an_outage_and_prints_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("jobs.management.follow.OUTAGE_PAUSE", 0)
    monkeypatch.setattr("jobs.management.follow.connection", Gone)
    away = OperationalError("the connection was refused")
    feed = Feed(page(1), away, away, FeedClosed(), page(2))
    feed.follow()
    assert feed.printed == ["job 1", "job 2"]
    assert feed.asked[1:5] == [place(1)] * 4
    assert feed.remarks.getvalue().count("refused") == 1


class Gone:
    """A connection that can be closed."""

    def close(self) -> None:
        """Nothing to do."""


def test_a_fault_that_does_not_pass_ends_a_follower() -> None:
    from django.db import DataError

    with pytest.raises(DataError):
        Feed(DataError("a value")).follow()


@pytest.mark.skipif(os.name == "nt", reason="SIGTERM ends a process at once on Windows")
def test_a_follower_ends_at_sigterm_and_gives_the_signals_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    feed = Feed()

    def read(after: Cursor | None) -> Page:
        signal.raise_signal(signal.SIGTERM)
        return page(7)

    feed.read = read  # type: ignore[method-assign]
    feed.follow()
    assert feed.printed == ["job 7"]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_follower_says_once_what_holds_the_feed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.utils import timezone

    monkeypatch.setattr("jobs.management.follow.oldest_transaction", lambda db: "process 7")
    held = HeldBack(timezone.now())
    feed = Feed(page(held=held), page(held=held))
    feed.follow()
    assert feed.remarks.getvalue().count("process 7") == 1
