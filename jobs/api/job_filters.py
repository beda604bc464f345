"""The filters of ``GET /jobs``, as its query has them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpRequest

from jobs.catalog import find_task
from jobs.core.credentials import token_limits
from jobs.core.jsonutils import clean
from jobs.core.rights import VIEW_JOBS, note_use
from jobs.core.states import Status
from jobs.core.times import project_time
from jobs.core.users import find_user, user_name
from jobs.queries.job_list import JobFilter
from jobs.queries.job_list.filters import ARGUMENT_NAME, Span
from jobs.queries.job_search import search_for

from .auth import Caller
from .exception_handlers import invalid
from .operations import ANY_NAME, query
from .problems import FORBIDDEN, ApiError

_RFC3339: Final = re.compile(
    r"(\d{4})-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,20})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)
_TIME: Final = {"type": "string", "format": "date-time"}
_NO_TIME: Final = (
    "Give a date and time with its zone, such as 2026-05-01T12:00:00Z. "
    "In an address a + is written %2B."
)
FILTERS: Final = [
    query(
        "status",
        "Only these; several are separated by commas.",
        {"type": "array", "items": {"type": "string", "enum": list(Status.values)}},
        explode=False,
        style="form",
    ),
    query("task", "Only this task."),
    query("queue", "Only this queue."),
    query(
        "owner",
        "Only jobs of the user who signs in by this name. Of others with `jobs.view_job` alone.",
    ),
    query("error_type", "Only jobs whose `error` has this `type`."),
    query("created_after", "Only jobs submitted at this time or later.", _TIME),
    query("created_before", "Only jobs submitted before this time.", _TIME),
    query("finished_after", "Only jobs that finished at this time or later.", _TIME),
    query("finished_before", "Only jobs that finished before this time.", _TIME),
    query(
        f"arg.{ANY_NAME}",
        "Only jobs with this value of an argument: `arg.url=https://example.org/`. A text is equal "
        "to it; a number, a boolean or null is what it says.",
        {
            "type": "object",
            "propertyNames": {"pattern": f"^arg\\.{ARGUMENT_NAME.pattern}$"},
            "additionalProperties": {"type": "string"},
        },
        explode=True,
        style="form",
    ),
    query("q", "The beginning of an id, or a part of a task's name."),
]
"""The parameters, for the API's document."""


def read_filter(request: HttpRequest, caller: Caller) -> JobFilter:
    """Return what a request asks for, of the jobs that its caller may see.

    Raises:
        ApiError: 422 for what does not fit, 403 for the jobs of somebody else.
    """
    task = _text(request, "task")
    search = _text(request, "q").strip()
    return JobFilter(
        owner=_owner(request, caller),
        task=task,
        queue=_text(request, "queue"),
        statuses=_statuses(request),
        error_type=_text(request, "error_type"),
        search=search_for(search) if search else None,
        created=Span(_moment(request, "created_after"), _moment(request, "created_before")),
        finished=Span(_moment(request, "finished_after"), _moment(request, "finished_before")),
        arguments=_arguments(request, task),
        limits=token_limits(caller.user),
    )


def one_value(request: HttpRequest, name: str) -> str:
    """Return the value of a parameter, "" without one.

    Raises:
        ApiError: 422, it is given twice.
    """
    values = request.GET.getlist(name)
    if len(values) > 1:
        raise invalid(f"/{name}", "It is given twice.")
    return values[0] if values else ""


def _text(request: HttpRequest, name: str) -> str:
    return clean(one_value(request, name))


def _owner(request: HttpRequest, caller: Caller) -> Any:
    """Return the key of whose jobs are listed; None for everybody's."""
    name = _text(request, "owner")
    sees_all = caller.has_right(VIEW_JOBS)
    if name == user_name(caller.user) or not (name or sees_all):
        return caller.user.pk
    if not sees_all:
        detail = f"To see the jobs of others takes {VIEW_JOBS!r}: leave out the owner."
        raise ApiError(FORBIDDEN, detail)
    note_use(caller.user, VIEW_JOBS, "list")
    if not name:
        return None
    user = find_user(name)
    if user is None:
        raise invalid("/owner", "There is no user of this name.")
    return user.pk


def _statuses(request: HttpRequest) -> frozenset[Status]:
    """Several statuses can be given: repeated, or separated by commas."""
    found = {one for text in request.GET.getlist("status") for one in text.split(",") if one}
    if unknown := sorted(found - set(Status.values)):
        known = ", ".join(Status.values)
        raise invalid("/status", f"There is no status {unknown[0]!a}. Known: {known}.")
    return frozenset(map(Status, found))


def _moment(request: HttpRequest, name: str) -> datetime | None:
    text = one_value(request, name)
    if not text:
        return None
    matched = _RFC3339.fullmatch(text)
    if matched is None:
        raise invalid(f"/{name}", _NO_TIME)
    if matched[1] == "0000":  # a year of RFC 3339, and none of Python's
        return project_time(_EARLIEST)
    try:
        moment = datetime.fromisoformat(text.upper())
        return project_time(min(max(moment, _EARLIEST), _LATEST))
    except ValueError as error:
        raise invalid(f"/{name}", _NO_TIME) from error


def _arguments(request: HttpRequest, task: str) -> dict[str, str]:
    names = [name for name in request.GET if name.startswith("arg.")]
    declared = find_task(task) if task else None
    found: dict[str, str] = {}
    for name in names:
        argument = name.removeprefix("arg.")
        if not ARGUMENT_NAME.fullmatch(argument):
            raise invalid(f"/{name}", "An argument's name follows: letters, digits and _.")
        if declared is not None:
            _require_argument(name, argument, declared.spec.json_schema)
        found[argument] = _text(request, name)
    return found


def _require_argument(pointer: str, argument: str, schema: dict[str, Any]) -> None:
    known = schema.get("properties", {})
    if argument not in known and not schema.get("additionalProperties"):
        names = ", ".join(known) or "none"
        raise invalid(f"/{pointer}", f"The task has no argument {argument!a}. It has: {names}.")
