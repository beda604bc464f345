"""What is done with one job: submit it, wait for its end, read its output, cancel it, retry it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from .arguments import Options, submission, with_uploads
from .effects import JSON, Flow, Request, now, pause
from .errors import TEMPORARY, JobCancelled, JobFailed, TimedOut
from .exchange import Patience, attempt, exchange, fetch, json_of
from .job_fields import FINAL
from .site import Site

WAIT: Final = 20
"""Seconds that the site is asked to wait; more than 30 it does not."""
SHORT_PAUSE: Final = 0.1
STORED_RESULT: Final = "result.json"
"""The artifact that has a result of over 64 KiB."""

JobData = Mapping[str, Any]


def path_of(job_id: str, *parts: str) -> str:
    """Return the path of a job, or of something that belongs to it."""
    return "/".join(["jobs", *(quote(part, safe="") for part in (job_id, *parts))])


def submit(site: Site, task: str, arguments: Mapping[str, Any], options: Options) -> Flow[JobData]:
    """Submit a job; return it. However often the answer is lost, there is one job."""
    arguments = yield from with_uploads(site, arguments)
    key = options.idempotency_key or uuid.uuid4().hex
    headers = {"Content-Type": JSON, "Idempotency-Key": key}
    content = submission(task, arguments, options)
    return (yield from fetch(site, Request("POST", "jobs", headers=headers, content=content)))


def read(site: Site, job_id: str) -> Flow[JobData]:
    """Read a job."""
    return (yield from fetch(site, Request("GET", path_of(job_id))))


def wait(site: Site, job_id: str, timeout: float | None) -> Flow[JobData]:
    """Wait for a job's end; return it.

    Args:
        site: where it is.
        job_id: its id.
        timeout: seconds; None for as long as it takes.

    Raises:
        TimedOut: it has not ended within that time.
    """
    deadline = None if timeout is None else (yield from now()) + timeout
    while True:
        left = float("inf") if deadline is None else deadline - (yield from now())
        seconds = max(0, int(min(WAIT, left)))
        request = Request("GET", path_of(job_id), headers=_prefer(seconds), wait=seconds)
        patience = Patience(min(site.retry_for, max(left, 0)))
        try:
            answer = yield from exchange(site, request, patience)
        except TEMPORARY as error:
            if left < site.retry_for:
                raise TimedOut(f"Job {job_id}: {error}") from error
            raise
        job: JobData = json_of(site, answer)
        if job["status"] in FINAL:
            return job
        if deadline is not None and (left := deadline - (yield from now())) <= 0:
            raise TimedOut(f"Job {job_id} is {job['status']} after {timeout:g} s.")
        if not seconds:  # the site waits for whole ones only
            yield from pause(min(SHORT_PAUSE, left))
        elif "preference-applied" not in answer.headers:  # too many wait there
            yield from pause(min(float(answer.headers.get("retry-after", "1")), left))


def _prefer(seconds: int) -> dict[str, str]:
    return {"Prefer": f"wait={seconds}"} if seconds else {}


def result_of(site: Site, job: JobData) -> Flow[Any]:
    """Return what the task of a finished job has returned.

    Raises:
        JobFailed: it has failed, or was cancelled.
    """
    if job["status"] != "succeeded":
        raise failure_of(job)
    is_stored = any(one["name"] == STORED_RESULT for one in job["artifacts"])
    if job["result"] is not None or not is_stored:
        return job["result"]
    answer = yield from exchange(site, Request("GET", artifact_path(job["id"], STORED_RESULT)))
    return json.loads(answer.content)


def failure_of(job: JobData) -> JobFailed:
    """Return the error of a job that has not succeeded."""
    error = job["error"] or {}
    is_cancelled = job["status"] == "cancelled"
    kind = JobCancelled if is_cancelled else JobFailed
    default = "Cancelled" if is_cancelled else "Failed"
    return kind(job["id"], error.get("type", default), error.get("message", "It was cancelled."))


def result(site: Site, job_id: str, timeout: float | None) -> Flow[tuple[JobData, Any]]:
    """Wait for a job's end; return it and what its task has returned."""
    job = yield from wait(site, job_id, timeout)
    return job, (yield from result_of(site, job))


def cancel(site: Site, job_id: str) -> Flow[JobData]:
    """Cancel a job, or request it of one that is running; return it."""
    return (yield from fetch(site, Request("POST", path_of(job_id, "cancel"))))


def retry(site: Site, job_id: str) -> Flow[JobData]:
    """Run a failed or cancelled job again; return it.

    A second request would run it a second time if it had failed again since the first, whose
    answer was lost. So the job is looked at before it is sent again.
    """
    before = yield from read(site, job_id)
    patience = Patience(site.retry_for)
    while True:
        try:
            answer = yield from attempt(site, Request("POST", path_of(job_id, "retry")))
            return json_of(site, answer)
        except TEMPORARY as failure:
            yield from patience.pause(failure)
        job = yield from read(site, job_id)
        if job["finished_at"] != before["finished_at"]:
            return job


def read_log(site: Site, job_id: str) -> Flow[str]:
    """Return all that a job has logged so far."""
    pieces: list[str] = []
    offset = 0
    while True:
        query = {"offset": offset}
        answer = yield from exchange(site, Request("GET", path_of(job_id, "log"), query))
        offset = int(answer.headers["x-next-offset"])
        if not answer.content:
            return "".join(pieces)
        pieces.append(answer.content.decode())


def artifact_path(job_id: str, name: str) -> str:
    """Return the path of a job's file."""
    return path_of(job_id, "artifacts", name)
