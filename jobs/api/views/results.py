"""``GET /results``: jobs in the order in which they ended."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from jobs.api.auth import Caller
from jobs.api.event_stream import EVENT_STREAM, Events, last_event_id, stream, wants_stream
from jobs.api.long_poll import MAX_WAIT, held_wait, hold_on, wait_preference, wait_slot
from jobs.api.operations import TEXT, Operation, Response, header, query
from jobs.api.page_size import page_size
from jobs.api.problems import CURSOR_EXPIRED, INVALID, NOT_ACCEPTABLE
from jobs.api.responses import JSON
from jobs.api.serializers import root
from jobs.api.waits import ResultsWait
from jobs.core.credentials import token_limits
from jobs.core.held_requests import hold_function
from jobs.core.jsonutils import clean
from jobs.core.rights import VIEW_JOBS, note_use
from jobs.core.server_threads import max_waiting
from jobs.feed import (
    MAX_LIMIT,
    Cursor,
    Page,
    Selection,
    newest_position,
    parse_cursor,
    read_page,
    wait_for_page,
)
from jobs.queries.job_fields import utc_text

DEFAULT_LIMIT: Final = 100
LATEST: Final = "latest"
_BEHIND_ALL: Final = uuid.UUID(int=2**128 - 1)


@Operation(
    "listResults",
    [Response(200, "ResultPage", "Preference-Applied", or_stream=EVENT_STREAM)],
    [
        query(
            "after",
            "`next` of the last page, or `cursor` of the last job; without it, the oldest job that "
            f"is kept. `{LATEST}`: only jobs that end from now on.",
        ),
        query("task", "Only this task."),
        query(
            "limit",
            f"Jobs on a page; more than {MAX_LIMIT} is taken as {MAX_LIMIT}.",
            {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT},
        ),
        header("Last-Event-ID", "Of an event stream: the id of the last event that came."),
        header(
            "Prefer",
            f"`wait=N`: where nothing has ended yet, wait up to N seconds, {MAX_WAIT} at most. "
            "When too many requests wait, the response comes at once, without "
            "`Preference-Applied`.",
            {**TEXT, "examples": ["wait=20"]},
        ),
    ],
    problems=[INVALID, CURSOR_EXPIRED, NOT_ACCEPTABLE],
    curl='-H "Prefer: wait=20" "$URL?limit=1000"',
)
def get_results(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Get results as they come.

    Jobs that have ended, whatever their status, in the order in which they did; one's own, or
    everybody's with the permission ``jobs.view_job``. Whoever sends ``next`` as ``after`` gets each
    of them once. A job that is retried and ends again comes again. ``limit`` is a maximum: where
    ``more`` is true, ask again at once.

    With ``Accept: text/event-stream`` each job is an event ``job`` as soon as it has ended; the
    event's id is its cursor, and ``Last-Event-ID`` counts as ``after``.
    """
    held = held_wait(request, ResultsWait)
    selection, after = selected(request, caller), cursor_of(request)
    if held is not None and held.after is not None:
        after = held.after
    limit = page_size(request, DEFAULT_LIMIT, MAX_LIMIT)
    mount = root()

    def read() -> Page:
        nonlocal after
        page = read_page(after, selection, limit, mount)
        after = page.next
        return page

    def events() -> Events:
        page = read()
        return Events([(str(item.cursor), item.text) for item in page.items], page.more)

    if wants_stream(request):
        return stream(request, "job", events, new_wait)
    seconds = wait_preference(request.META.get("HTTP_PREFER", ""))
    if seconds is None:
        return _response(read())
    if hold_function(request) is not None:
        page, could_wait = _held(request, read, seconds)
    else:
        with wait_slot(max_waiting(request)) as could_wait:
            page = wait_for_page(read, seconds if could_wait else 0)
    response = _response(page)
    if could_wait or page.items:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    return response


def _held(request: HttpRequest, read: Callable[[], Page], seconds: int) -> tuple[Page, bool]:
    """Return a page, and whether the request could wait; the server may hold it, and call again."""
    before = held_wait(request, ResultsWait)
    wait = new_wait(time.monotonic() + seconds if before is None else before.until)
    page = read()
    while page.more and not page.items and time.monotonic() < wait.until:
        page = read()
    wait.after = page.next
    return page, bool(page.items) or hold_on(request, wait)


def new_wait(until: float) -> ResultsWait:
    """Return what to wait for if the page that is read next is empty."""
    return ResultsWait(newest_position(), until)


def selected(request: HttpRequest, caller: Caller) -> Selection:
    """Return which jobs a request asks for: never more than the caller may see."""
    task = clean(request.GET.get("task", ""))
    everyone = caller.has_right(VIEW_JOBS)
    if everyone:
        note_use(caller.user, VIEW_JOBS, "follow")
    limits = token_limits(caller.user)
    return Selection(caller.user.pk, everyone=everyone, task=task, limits=limits)


def cursor_of(request: HttpRequest) -> Cursor | None:
    """Return where a request wants to begin: behind the last event that its client has, or
    ``after``.

    Raises:
        BadCursor, StaleCursor: it cannot.
    """
    text = last_event_id(request) or request.GET.get("after", "")
    if text == LATEST:
        # No job that ends from now on has this position: it is of a transaction that is over.
        return Cursor(newest_position(), _BEHIND_ALL, int(time.time()))
    return parse_cursor(text) if text else None


def _response(page: Page) -> HttpResponse:
    items = ",".join([f'{item.text[:-1]},"cursor":"{item.cursor}"}}' for item in page.items])
    since = None if page.held_back is None else utc_text(page.held_back.since)
    text = (
        f'{{"items":[{items}],"next":"{page.next}","more":{json.dumps(page.more)},'
        f'"held_back_since":{json.dumps(since)}}}'
    )
    return HttpResponse(text.encode(), content_type=JSON)
