"""The tabs of a job's page: its result, its log, its attempts."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest

from jobs.core.states import Status
from jobs.core.storage import RESULT_FILE
from jobs.models import Artifact, Job
from jobs.queries import logs

from .result_tree import Sort, as_text, result_node

TABS: Final = ("result", "log", "attempts")
PICTURE_TYPES: Final = frozenset(
    {"image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp"}
)


def tab_of(job: Job, requested: str) -> str:
    """Return the tab to open: the one asked for, else the log of a running job if it has one."""
    if requested in TABS:
        return requested
    return "log" if job.status == Status.RUNNING and job.log_size else "result"


def tab_context(request: HttpRequest, job: Job, tab: str, files: list[Artifact]) -> dict[str, Any]:
    """Return what the template of the open tab needs."""
    if tab == "log":
        return log_context(job, request.GET.get("find", "").strip())
    if tab == "attempts":
        return {"attempts": list(job.attempts.order_by("number"))}
    return _result_context(job, files, Sort.read(request.GET.get("sort", "")))


def log_context(job: Job, find: str) -> dict[str, Any]:
    """Return the end of the log or, if ``find`` is not empty, the lines that contain it."""
    if find:
        hits, more = logs.find(job, find)
        return {"find": find, "hits": hits, "more_hits": more}
    return {"log": logs.tail(job)}


def _result_context(job: Job, files: list[Artifact], sort: Sort) -> dict[str, Any]:
    context: dict[str, Any] = {
        "pictures": [file for file in files if file.content_type in PICTURE_TYPES],
    }
    if job.status == Status.SUCCEEDED:
        large = next((file for file in files if file.name == RESULT_FILE), None)
        if job.result is None and large is not None:
            return {**context, "large_result": large}
        return {**context, "node": result_node(job.result, sort), "text": as_text(job.result)}
    if job.status == Status.FAILED:
        context["attempt"] = job.attempts.order_by("-number").first()
    return context
