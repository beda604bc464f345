"""The operations of the API as the OpenAPI document and the page of the API describe them.

``parameters``, ``headers`` and ``problems`` are lists of names, with spaces between: those of
``components`` and the slugs of ``problems``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .components import PARAMETERS
from .problems import KINDS, Kind

JSON: Final = "application/json"
TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"
_AS_USER: Final = 'curl -H "Authorization: Bearer $TOKEN"'
_ANY: Final = "method-not-allowed internal unavailable"


@dataclass(frozen=True, slots=True)
class Response:
    """A response that is no problem; its body is of a schema of the document."""

    description: str
    schema: str | None = None
    headers: str = ""
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    ``body`` is a media type; ``problems`` are those beside the ones that any operation can have.
    """

    id: str
    method: str
    path: str
    summary: str
    responses: Mapping[int, Response]
    description: str = ""
    parameters: str = ""
    problems: str = ""
    body: str | None = None
    is_open: bool = False
    tag: str = "jobs"
    curl: str = ""

    @property
    def all_problems(self) -> list[Kind]:
        """The problems that it can have, by status."""
        signed_in = "" if self.is_open else "unauthenticated"
        unsafe = "csrf" if self.method == "post" else ""
        slugs = {*f"{self.problems} {signed_in} {unsafe} {_ANY}".split()}
        return [kind for kind in KINDS if kind.slug in slugs]

    @property
    def full_parameters(self) -> list[dict[str, Any]]:
        """Its parameters, as their components describe them."""
        return [PARAMETERS[name] for name in self.parameters.split()]

    @property
    def code_sample(self) -> str:
        """The request as a shell command."""
        if self.curl:
            return self.curl
        command = "curl" if self.is_open else _AS_USER
        method = " -X POST" if self.method == "post" else ""
        return f"{command}{method} $DESK{self.path.replace('{id}', '$ID')}"


OPERATIONS: Final = (
    Operation(
        "submitJob",
        "post",
        "/api/v1/jobs",
        "Submit a job",
        {
            202: Response("Accepted.", "Job", "Location Retry-After"),
            200: Response("It existed already: same key.", "Job", "Location Retry-After"),
        },
        "The job is recorded, and the response comes at once; it runs later. With an "
        "Idempotency-Key a request can be repeated safely: the same JSON gets the first job.",
        parameters="IdempotencyKey",
        problems="malformed forbidden unknown-task idempotency-conflict length-required too-large "
        "unsupported-media-type invalid queue-full",
        body=JSON,
        curl=f"""{_AS_USER} -H "Content-Type: application/json" \\
  -d '{{"task": "webapp.square", "args": {{"n": 7}}}}' $DESK/api/v1/jobs""",
    ),
    Operation(
        "listJobs",
        "get",
        "/api/v1/jobs",
        "List jobs, newest first",
        {200: Response("One page.", "JobList", "Link")},
        'One\'s own; staff see all. Follow the `Link` with `rel="next"`.',
        parameters="status task queue q limit cursor",
        problems="invalid",
        curl=f'{_AS_USER} "$DESK/api/v1/jobs?status=failed&limit=20"',
    ),
    Operation(
        "getJob",
        "get",
        "/api/v1/jobs/{id}",
        "Get a job",
        {
            200: Response("The job.", "Job", "ETag Retry-After Preference-Applied"),
            304: Response("Nothing has changed.", None, "ETag Retry-After Preference-Applied"),
        },
        "Poll with `If-None-Match`: 304 costs next to nothing. `Prefer: wait=N` waits for the end "
        "of the job or, with `If-None-Match`, for any change.",
        parameters="id IfNoneMatch Prefer",
        problems="not-found",
        curl=f'{_AS_USER} -H "Prefer: wait=20" $DESK/api/v1/jobs/$ID',
    ),
    Operation(
        "cancelJob",
        "post",
        "/api/v1/jobs/{id}/cancel",
        "Cancel a job",
        {
            200: Response("It was waiting, and is cancelled.", "Job", "Location ETag"),
            202: Response(
                "It is running; a request to stop is recorded.", "Job", "Location ETag Retry-After"
            ),
        },
        parameters="id",
        problems="not-found conflict",
    ),
    Operation(
        "retryJob",
        "post",
        "/api/v1/jobs/{id}/retry",
        "Run a failed or cancelled job again",
        {202: Response("It waits.", "Job", "Location ETag Retry-After")},
        parameters="id",
        problems="forbidden not-found conflict",
    ),
    Operation(
        "getLog",
        "get",
        "/api/v1/jobs/{id}/log",
        "Read a job's log",
        {200: Response("A part of it.", "Text", "X-Next-Offset", TEXT)},
        "At most 65,536 characters a request; continue at `X-Next-Offset`.",
        parameters="id offset",
        problems="not-found invalid",
        curl=f'{_AS_USER} "$DESK/api/v1/jobs/$ID/log?offset=0"',
    ),
    Operation(
        "getArtifact",
        "get",
        "/api/v1/jobs/{id}/artifacts/{name}",
        "Download a file of a job",
        {200: Response("The file, as an attachment.", "Bytes", "Content-Disposition", BYTES)},
        parameters="id artifact",
        problems="not-found",
        curl=f"{_AS_USER} -OJ $DESK/api/v1/jobs/$ID/artifacts/result.json",
    ),
    Operation(
        "upload",
        "post",
        "/api/v1/uploads",
        "Send a file for an argument",
        {201: Response("Stored.", "Upload")},
        'The raw bytes. An argument refers to them as `{"upload": "<id>"}`. A file that no job '
        "uses within a day is deleted.",
        parameters="uploadName",
        problems="malformed length-required too-large unsupported-media-type",
        body=BYTES,
        curl=f'{_AS_USER} --data-binary @access.log "$DESK/api/v1/uploads?name=access.log"',
    ),
    Operation(
        "listTasks",
        "get",
        "/api/v1/tasks",
        "List the tasks that can be submitted",
        {200: Response("All of them.", "TaskList")},
        tag="tasks",
    ),
    Operation(
        "getTask",
        "get",
        "/api/v1/tasks/{name}",
        "Get a task and the schema of its arguments",
        {200: Response("The task.", "Task")},
        parameters="taskName",
        problems="unknown-task",
        tag="tasks",
        curl=f"{_AS_USER} $DESK/api/v1/tasks/webapp.square",
    ),
    Operation(
        "listQueues",
        "get",
        "/api/v1/queues",
        "List the queues and how full they are",
        {200: Response("All of them.", "QueueList")},
        tag="watching",
    ),
    Operation(
        "isAlive",
        "get",
        "/healthz",
        "Whether the process serves",
        {200: Response("It does.", "State")},
        is_open=True,
        tag="watching",
    ),
    Operation(
        "isReady",
        "get",
        "/readyz",
        "Whether jobs can be submitted",
        {200: Response("They can.", "State")},
        is_open=True,
        tag="watching",
    ),
    Operation(
        "getMetrics",
        "get",
        "/metrics",
        "Numbers for Prometheus",
        {200: Response("The text format, version 0.0.4.", "Text", media_type=TEXT)},
        "For staff, or with anyone's token.",
        problems="forbidden",
        tag="watching",
    ),
    Operation(
        "getDocument",
        "get",
        "/api/v1/openapi.json",
        "This description",
        {200: Response("An OpenAPI 3.1 document.", "Document")},
        "With a credential, it contains the schemas of the tasks' arguments.",
        problems="unauthenticated",
        is_open=True,
        tag="the API",
        curl=f"{_AS_USER} $DESK/api/v1/openapi.json",
    ),
    Operation(
        "getDocs",
        "get",
        "/api/v1/docs",
        "This description as a page",
        {200: Response("A page.", "Text", media_type="text/html")},
        problems="unauthenticated",
        is_open=True,
        tag="the API",
    ),
)
