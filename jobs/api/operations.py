"""The operations of the API as the OpenAPI document and the page of the API describe them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import problems as p
from .components import PARAMETERS
from .problems import Kind

JSON: Final = "application/json"
TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"
API: Final = "/api/v1"
_JOB: Final = f"{API}/jobs/{{id}}"


@dataclass(frozen=True, slots=True)
class Response:
    """A response that is no problem; ``schema`` and ``headers`` are names of components."""

    description: str
    schema: str | None = None
    headers: tuple[str, ...] = ()
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    ``parameters`` are names of components, ``body`` is a media type, ``problems`` those beside
    the ones that any operation can have, ``curl`` an example.
    """

    id: str
    method: str
    path: str
    summary: str
    responses: Mapping[int, Response]
    curl: str
    description: str = ""
    parameters: tuple[str, ...] = ()
    body: str | None = None
    problems: tuple[Kind, ...] = ()
    is_open: bool = False
    tag: str = "jobs"

    @property
    def all_problems(self) -> list[Kind]:
        """The problems that it can have, by status."""
        signed_in = () if self.is_open else (p.UNAUTHENTICATED,)
        unsafe = (p.CSRF,) if self.method == "post" else ()
        kinds = {*self.problems, *signed_in, *unsafe, p.METHOD_NOT_ALLOWED, p.INTERNAL}
        return [kind for kind in p.KINDS if kind in kinds or kind == p.UNAVAILABLE]

    @property
    def full_parameters(self) -> list[dict[str, Any]]:
        """Its parameters, as their components describe them."""
        return [PARAMETERS[name] for name in self.parameters]


AS_USER: Final = 'curl -H "Authorization: Bearer $TOKEN"'
_SUBMITTED: Final = ("Location", "Retry-After")
_CHANGED: Final = ("Location", "ETag", "Retry-After")
_POLLED: Final = ("ETag", "Retry-After", "Preference-Applied")

OPERATIONS: Final = (
    Operation(
        "submitJob",
        "post",
        f"{API}/jobs",
        "Submit a job",
        {
            202: Response("Accepted.", "Job", _SUBMITTED),
            200: Response("It existed already: same key.", "Job", _SUBMITTED),
        },
        f"""{AS_USER} -H "Content-Type: application/json" \\
  -d '{{"task": "webapp.square", "args": {{"n": 7}}}}' $DESK{API}/jobs""",
        description="The job is recorded, and the response comes at once; it runs later. With an "
        "Idempotency-Key a request can be repeated safely: the same JSON gets the first job.",
        parameters=("IdempotencyKey",),
        body=JSON,
        problems=(
            p.MALFORMED,
            p.FORBIDDEN,
            p.UNKNOWN_TASK,
            p.IDEMPOTENCY_CONFLICT,
            p.LENGTH_REQUIRED,
            p.TOO_LARGE,
            p.MEDIA_TYPE,
            p.INVALID,
            p.QUEUE_FULL,
        ),
    ),
    Operation(
        "listJobs",
        "get",
        f"{API}/jobs",
        "List jobs, newest first",
        {200: Response("One page.", "JobList", ("Link",))},
        f'{AS_USER} "$DESK{API}/jobs?status=failed&limit=20"',
        description='One\'s own; staff see all. Follow the `Link` with `rel="next"`.',
        parameters=("status", "task", "queue", "q", "limit", "cursor"),
        problems=(p.INVALID,),
    ),
    Operation(
        "getJob",
        "get",
        _JOB,
        "Get a job",
        {
            200: Response("The job.", "Job", _POLLED),
            304: Response("Nothing has changed.", None, _POLLED),
        },
        f'{AS_USER} -H "Prefer: wait=20" $DESK{API}/jobs/$ID',
        description="Poll with `If-None-Match`: 304 costs next to nothing. `Prefer: wait=N` "
        "waits for the end of the job or, with `If-None-Match`, for any change.",
        parameters=("id", "IfNoneMatch", "Prefer"),
        problems=(p.NOT_FOUND,),
    ),
    Operation(
        "cancelJob",
        "post",
        f"{_JOB}/cancel",
        "Cancel a job",
        {
            200: Response("It was waiting, and is cancelled.", "Job", ("Location", "ETag")),
            202: Response("It is running; a request to stop is recorded.", "Job", _CHANGED),
        },
        f"{AS_USER} -X POST $DESK{API}/jobs/$ID/cancel",
        parameters=("id",),
        problems=(p.NOT_FOUND, p.CONFLICT),
    ),
    Operation(
        "retryJob",
        "post",
        f"{_JOB}/retry",
        "Run a failed or cancelled job again",
        {202: Response("It waits.", "Job", _CHANGED)},
        f"{AS_USER} -X POST $DESK{API}/jobs/$ID/retry",
        parameters=("id",),
        problems=(p.FORBIDDEN, p.NOT_FOUND, p.CONFLICT),
    ),
    Operation(
        "getLog",
        "get",
        f"{_JOB}/log",
        "Read a job's log",
        {200: Response("A part of it.", "Text", ("X-Next-Offset",), TEXT)},
        f'{AS_USER} "$DESK{API}/jobs/$ID/log?offset=0"',
        description="At most 65,536 characters a request; continue at `X-Next-Offset`.",
        parameters=("id", "offset"),
        problems=(p.NOT_FOUND, p.INVALID),
    ),
    Operation(
        "getArtifact",
        "get",
        f"{_JOB}/artifacts/{{name}}",
        "Download a file of a job",
        {200: Response("The file, as an attachment.", "Bytes", ("Content-Disposition",), BYTES)},
        f"{AS_USER} -OJ $DESK{API}/jobs/$ID/artifacts/result.json",
        parameters=("id", "artifact"),
        problems=(p.NOT_FOUND,),
    ),
    Operation(
        "upload",
        "post",
        f"{API}/uploads",
        "Send a file for an argument",
        {201: Response("Stored.", "Upload")},
        f'{AS_USER} --data-binary @access.log "$DESK{API}/uploads?name=access.log"',
        description='The raw bytes. An argument refers to them as `{"upload": "<id>"}`. A file '
        "that no job uses within a day is deleted.",
        parameters=("uploadName",),
        body=BYTES,
        problems=(p.MALFORMED, p.LENGTH_REQUIRED, p.TOO_LARGE, p.MEDIA_TYPE),
    ),
    Operation(
        "listTasks",
        "get",
        f"{API}/tasks",
        "List the tasks that can be submitted",
        {200: Response("All of them.", "TaskList")},
        f"{AS_USER} $DESK{API}/tasks",
        tag="tasks",
    ),
    Operation(
        "getTask",
        "get",
        f"{API}/tasks/{{name}}",
        "Get a task and the schema of its arguments",
        {200: Response("The task.", "Task")},
        f"{AS_USER} $DESK{API}/tasks/webapp.square",
        parameters=("taskName",),
        problems=(p.UNKNOWN_TASK,),
        tag="tasks",
    ),
    Operation(
        "listQueues",
        "get",
        f"{API}/queues",
        "List the queues and how full they are",
        {200: Response("All of them.", "QueueList")},
        f"{AS_USER} $DESK{API}/queues",
        tag="watching",
    ),
    Operation(
        "isAlive",
        "get",
        "/healthz",
        "Whether the process serves",
        {200: Response("It does.", "State")},
        "curl $DESK/healthz",
        is_open=True,
        tag="watching",
    ),
    Operation(
        "isReady",
        "get",
        "/readyz",
        "Whether jobs can be submitted",
        {200: Response("They can.", "State")},
        "curl $DESK/readyz",
        is_open=True,
        tag="watching",
    ),
    Operation(
        "getMetrics",
        "get",
        "/metrics",
        "Numbers for Prometheus",
        {200: Response("The text format, version 0.0.4.", "Text", (), TEXT)},
        f"{AS_USER} $DESK/metrics",
        description="For staff, or with anyone's token.",
        problems=(p.FORBIDDEN,),
        tag="watching",
    ),
    Operation(
        "getDocument",
        "get",
        f"{API}/openapi.json",
        "This description",
        {200: Response("An OpenAPI 3.1 document.", "Document")},
        f"{AS_USER} $DESK{API}/openapi.json",
        description="With a credential, it contains the schemas of the tasks' arguments.",
        problems=(p.UNAUTHENTICATED,),
        is_open=True,
        tag="the API",
    ),
    Operation(
        "getDocs",
        "get",
        f"{API}/docs",
        "This description as a page",
        {200: Response("A page.", "Text", (), "text/html")},
        f"curl $DESK{API}/docs",
        problems=(p.UNAUTHENTICATED,),
        is_open=True,
        tag="the API",
    ),
)
