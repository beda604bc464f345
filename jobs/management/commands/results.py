"""``manage.py results``: what jobs have returned, in the order in which they ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.urls import NoReverseMatch, reverse

from jobs.catalog import all_tasks
from jobs.catalog.registry import nearest_names
from jobs.errors import UnknownTask
from jobs.feed import MAX_LIMIT, BadCursor, Cursor, Page, Selection, StaleCursor, parse_cursor
from jobs.feed import read_page as read_feed_page
from jobs.management.base import (
    BAD_INPUT,
    DONE,
    FAILED,
    FAULTS,
    JobsCommand,
    add_json_option,
    prints_unicode,
)
from jobs.management.follow import Follower
from jobs.management.users import user_named
from jobs.queries.stats import recorded_tasks

_PATH = "api/v1/jobs"


class Command(JobsCommand):
    """A line of JSON for each job that has ended; with ``--follow`` also for those to come."""

    help = "Print the jobs that have ended, in the order in which they did, as lines of JSON."
    exit_codes = {
        DONE: "done, or followed until Ctrl-C",
        **FAULTS,
        FAILED: "jobs after the cursor may have been deleted",
        BAD_INPUT: "bad input",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--follow", action="store_true", help="go on with those that end later, until Ctrl-C"
        )
        parser.add_argument(
            "--after", metavar="CURSOR", help='begin behind this job: "cursor" of its line'
        )
        parser.add_argument("--task", default="", help="only this task")
        parser.add_argument("--owner", metavar="USER", help="only the jobs of this user")
        add_json_option(parser, "changes nothing: each line is a JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print them."""
        after = _cursor(options["after"])
        selection = _selection(options)
        mount = _mount()

        def read(after: Cursor | None) -> Page:
            return read_feed_page(after, selection, MAX_LIMIT, mount)

        if options["follow"]:
            Follower(read, self._writer(), self.stderr).follow(after)
            return
        write = self._writer()
        while True:
            page = read(after)
            write(page)
            if not page.more:
                return
            after = page.next

    def _writer(self) -> Callable[[Page], None]:
        out, any_character = self.stdout, prints_unicode()

        def write(page: Page) -> None:
            for item in page.items:
                line = item.text if any_character else _ascii(item.text)
                # Line by line: what was printed was printed whole, whatever happens then.
                out.write(f'{line[:-1]},"cursor":"{item.cursor}"}}')
                out.flush()

        return write


def _ascii(text: str) -> str:
    """JSON has other characters only in texts, where they may be written as ``\\u00e9``."""
    if text.isascii():
        return text
    units = text.encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[n : n + 2]) for n in range(0, len(units), 2))
    return "".join(chr(code) if code < 128 else f"\\u{code:04x}" for code in codes)


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    try:
        return parse_cursor(text)
    except BadCursor:
        raise CommandError(
            '--after takes "cursor" of a line that was printed.', returncode=BAD_INPUT
        ) from None
    except StaleCursor as error:
        raise CommandError(str(error), returncode=FAILED) from error


def _selection(options: dict[str, Any]) -> Selection:
    task, owner = options["task"], options["owner"]
    known = {*all_tasks(), *recorded_tasks()}
    if task and task not in known:
        raise UnknownTask(task, nearest_names(task, sorted(known)))
    if owner is None:
        return Selection(everyone=True, task=task)
    return Selection(user_named(owner).pk, task=task)


def _mount() -> str | None:
    """The path below which the API is mounted; None where a project has not mounted it."""
    try:
        return reverse("jobs_api:jobs").removesuffix(_PATH)
    except NoReverseMatch:
        return None
