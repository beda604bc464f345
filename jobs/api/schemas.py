"""The JSON of requests and responses as types.

The views build these dictionaries, mypy holds the views to them, and the OpenAPI document's
schemas are generated from them: a member is declared here and nowhere else. A ``TypedDict`` is a
plain ``dict`` when the program runs, so that a response costs no model; only the body of
``POST /jobs``, which has to be validated, is a pydantic model.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

# pydantic reads those of ``typing`` only from Python 3.12 on.
from typing_extensions import TypedDict

from jobs.catalog.json_arguments import JsonArguments
from jobs.core.credentials import SCOPES
from jobs.core.states import Status
from jobs.queries.token_grants import LIFETIME, MOST_NAMES

_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d")


def _about(description: str, **schema: Any) -> Any:
    """A member's description, and more of its JSON Schema that is not validated here."""
    return Field(description=description, json_schema_extra=schema or None)


Uuid = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Link = Annotated[str, WithJsonSchema({"type": "string", "format": "uri-reference"})]
Count = Annotated[int, Field(ge=0)]
Priority = Annotated[int, Field(ge=-100, le=100, description="Higher is taken first.")]
Attempts = Annotated[int, Field(ge=1)]
JobId = Annotated[Uuid, _about("A UUID of version 7: it grows with time.")]
Size = Annotated[Count, _about("Bytes.")]
Scope = Annotated[str, WithJsonSchema({"type": "string", "enum": [*SCOPES]})]
TaskName = Annotated[str, _about("The task's name.")]


class JobError(TypedDict):
    """Why a job failed."""

    type: Annotated[
        str,
        _about(
            "The exception's qualified name, or one of `Timeout`, `WorkerDied`, "
            "`Cancelled`, `UnknownTask`, `InvalidArguments`."
        ),
    ]
    message: str


class Stage(TypedDict):
    """A stage of a task's work: the `number`-th of `of`, where those are known."""

    name: str
    number: int | None
    of: int | None


class Progress(TypedDict):
    """How far a job is, as its task last reported; one that has succeeded is at 100 percent."""

    done: float | None
    total: float | None
    percent: float | None
    message: str | None
    stage: Annotated[Stage | None, _about("What it does now; the numbers count within it.")]


class Artifact(TypedDict):
    """A file that a job made."""

    name: str
    size: Size
    url: Link


class JobLinks(TypedDict):
    """The addresses of a job."""

    self: Link
    html: Link
    log: Link
    cancel: Link
    retry: Link


class Job(TypedDict):
    """A job."""

    id: JobId
    task: TaskName
    queue: str
    priority: Priority
    status: Status
    args: Annotated[dict[str, Any], _about("The arguments, checked and completed.")]
    result: Annotated[
        Any,
        _about(
            "What the task returned; null before, and over 64 KiB (then it is the artifact "
            "`result.json`)."
        ),
    ]
    error: JobError | None
    progress: Progress | None
    warnings: Annotated[
        list[str], _about("What its last attempt warned of. It may have succeeded all the same.")
    ]
    attempt: Annotated[Count, _about("How many times it was started.")]
    failures: Annotated[Count, _about("How many attempts failed, of `max_attempts`.")]
    max_attempts: Attempts
    created_at: Moment
    run_after: Moment | None
    started_at: Moment | None
    finished_at: Moment | None
    cancel_requested: Annotated[bool, _about("Its cancellation was requested.")]
    request_id: Annotated[
        str | None, _about("The `X-Request-Id` of the request that submitted it, or led to it.")
    ]
    links: JobLinks
    artifacts: list[Artifact]


class ListedJob(TypedDict):
    """A job in a list: the members that were asked for, else all but `args` and `result`."""

    id: JobId
    task: NotRequired[TaskName]
    queue: NotRequired[str]
    priority: NotRequired[Priority]
    status: NotRequired[Status]
    args: NotRequired[dict[str, Any]]
    result: NotRequired[Any]
    error: NotRequired[JobError | None]
    progress: NotRequired[Progress | None]
    warnings: NotRequired[list[str]]
    attempt: NotRequired[Count]
    failures: NotRequired[Count]
    max_attempts: NotRequired[Attempts]
    created_at: NotRequired[Moment]
    run_after: NotRequired[Moment | None]
    started_at: NotRequired[Moment | None]
    finished_at: NotRequired[Moment | None]
    cancel_requested: NotRequired[bool]
    links: NotRequired[JobLinks]
    artifacts: NotRequired[list[Artifact]]


class JobList(TypedDict):
    """A page of jobs."""

    items: list[ListedJob]
    more: Annotated[bool, _about("Whether there is a next page, also after one with few items.")]


class EndedJob(Job):
    """A job of the feed."""

    cursor: Annotated[str, _about("Send it as `after` to go on behind this job.")]


class ResultPage(TypedDict):
    """Jobs in the order in which they ended."""

    items: list[EndedJob]
    next: Annotated[str, _about("Send it as `after`: the next page begins there.")]
    more: Annotated[bool, _about("Whether it is worth asking again at once.")]
    held_back_since: Annotated[
        Moment | None,
        _about(
            "Jobs that ended since then come later: the database has a transaction that is older "
            "and still open. Null as a rule."
        ),
    ]


class Upload(TypedDict):
    """A file that was sent."""

    id: JobId
    name: str
    size: Size
    stored: Annotated[Count, _about("How many of its bytes are stored; all, when it is complete.")]
    in_use: Annotated[bool, _about("A job uses it: it is kept as long as the job.")]
    created_at: Moment
    expires_at: Annotated[Moment | None, _about("When it is deleted; null while it is in use.")]


class UploadList(TypedDict):
    """A page of uploads."""

    items: list[Upload]
    more: Annotated[bool, _about("Whether there is a next page.")]


class WebhookLinks(TypedDict):
    """The addresses of a webhook."""

    self: Link
    test: Link
    rotate: Link
    deliveries: Link


class Webhook(TypedDict):
    """An address that is told when jobs end."""

    id: Annotated[Uuid, _about("A UUID of version 7: it grows with time.")]
    url: str
    events: list[str]
    task: Annotated[str | None, _about("Only this task; null: every task.")]
    everyone: Annotated[bool, _about("The jobs of all users, not its owner's alone.")]
    enabled: bool
    disabled_reason: Annotated[str | None, _about("Why it was disabled, if nobody did it by hand.")]
    failing_since: Annotated[Moment | None, _about("No delivery has succeeded since then.")]
    created_at: Moment
    links: WebhookLinks


class WebhookWithSecret(Webhook):
    """A webhook with the secret that its deliveries are signed with."""

    secret: Annotated[str, _about("It is shown now, and never again.")]


class WebhookList(TypedDict):
    """The caller's webhooks."""

    items: list[Webhook]


class DeliveryAttempt(TypedDict):
    """An attempt to send an event."""

    number: Count
    started_at: Moment | None
    ended_at: Moment
    outcome: Annotated[str, _about("As that of a job's attempt: `succeeded`, `failed` and others.")]
    detail: Annotated[str, _about("What was answered, or why nothing was.")]


class DeliveryLinks(TypedDict):
    """The addresses of a delivery."""

    redeliver: Link
    job: Annotated[Link | None, _about("The job that has ended; null for a test.")]


class Delivery(TypedDict):
    """An event that is sent to a webhook."""

    id: Annotated[Uuid, _about("That of the job which sends it.")]
    message_id: Annotated[Uuid, _about("The header `webhook-id`, which a redelivery keeps.")]
    event: str
    status: Annotated[Status, _about("`scheduled`: it is tried again at `next_attempt_at`.")]
    created_at: Moment
    next_attempt_at: Moment | None
    attempts: list[DeliveryAttempt]
    links: DeliveryLinks


class DeliveryList(TypedDict):
    """A page of deliveries."""

    items: list[Delivery]


class TaskLinks(TypedDict):
    """The addresses of a task."""

    self: Link
    html: Link
    jobs: Annotated[Link, _about("Where its jobs are submitted, by POST.")]


class Task(TypedDict):
    """A task, for one caller."""

    name: str
    title: str
    description: str
    queue: str
    priority: Priority
    max_attempts: Attempts
    timeout: Annotated[float | None, _about("Seconds an attempt may take; null: no limit.")]
    executor: Annotated[str, _about("Where it runs: in a thread, or in a process of its own.")]
    permission: Annotated[str | None, _about("What its user needs: `app.codename` or `staff`.")]
    allowed: Annotated[bool, _about("Whether the caller may submit it.")]
    schema: Annotated[dict[str, Any], _about("The JSON Schema of its arguments.")]
    links: TaskLinks


class TaskList(TypedDict):
    """Every exposed task."""

    items: list[Task]


class Queue(TypedDict):
    """How full a queue is."""

    name: str
    waiting: Annotated[Count, _about("Counted up to 100,000.")]
    scheduled: Count
    running: Count
    paused: Annotated[bool, _about("Nothing is taken from it.")]
    oldest_waiting_seconds: Annotated[float | None, _about("Null when no job waits.")]
    consumers: Annotated[Count, _about("Consumer processes that serve it.")]


class QueueList(TypedDict):
    """Every queue."""

    items: list[Queue]


class Token(TypedDict):
    """A token of the caller's. Its text is shown once, when it is made."""

    id: Annotated[int, Field(ge=1)]
    name: str
    scopes: Annotated[list[Scope], _about("What it may do.")]
    tasks: Annotated[list[str] | None, _about("The tasks it is limited to; null for all.")]
    queues: Annotated[list[str] | None, _about("The queues it is limited to; null for all.")]
    created_at: Moment
    expires_at: Annotated[Moment | None, _about("Null: it does not expire.")]
    last_used_at: Annotated[Moment | None, _about("Recorded once an hour.")]
    replaced: Annotated[bool, _about("A new one took its place; it ends within a day.")]
    current: Annotated[bool, _about("Whether this request was made with it.")]


class NewToken(Token):
    """A token that was made now."""

    token: Annotated[str, _about("Its text, which is shown this once.")]


class TokenList(TypedDict):
    """The caller's tokens, newest first."""

    items: list[Token]


class User(TypedDict):
    """The user who calls."""

    name: str
    staff: Annotated[bool, _about("Whether they may sign in to the admin.")]
    rights: Annotated[
        list[str],
        _about("Their permissions of staff: what they may do with what belongs to others."),
    ]


class Me(TypedDict):
    """Who calls, and with what."""

    user: User
    token: Annotated[Token | None, _about("Null for a session.")]


class Index(TypedDict):
    """Where to go on from."""

    name: str
    version: Annotated[str, _about("The version of the API.")]
    links: Annotated[dict[str, Link], _about("The addresses that need nothing filled in, by name.")]


class State(TypedDict):
    """Whether a process serves, or is ready."""

    status: str


class FieldError(TypedDict):
    """One member of a request that does not fit."""

    pointer: Annotated[str, _about("A JSON pointer into the request.", format="json-pointer")]
    detail: str


class Fingerprints(TypedDict):
    """The SHA-256 of two requests with one key: of their JSON with sorted keys, or of a file."""

    first: Annotated[str, _about("Of the request that the key belongs to.")]
    this: Annotated[str, _about("Of this request.")]


class Problem(TypedDict):
    """An error, by RFC 9457."""

    type: Annotated[Link, _about("What kind of problem: an anchor in the documentation.")]
    title: Annotated[str, _about("The kind in words.")]
    status: Annotated[int, _about("The same as the response's.")]
    detail: Annotated[str, _about("What is wrong this time.")]
    errors: NotRequired[list[FieldError]]
    nearest: NotRequired[Annotated[list[str], _about("The closest task names.")]]
    fingerprints: NotRequired[
        Annotated[Fingerprints, _about("Of both requests, where an Idempotency-Key is in use.")]
    ]
    retry_after: NotRequired[
        Annotated[Count, _about("In a line of an answer: seconds, as the header `Retry-After`.")]
    ]
    resume_from: NotRequired[
        Annotated[Count, _about("The first line of which nothing is recorded: send it again.")]
    ]


class BulkLine(TypedDict):
    """What became of a line: the id of its job, or the problem."""

    line: Annotated[int, _about("Its number, from 1.")]
    id: NotRequired[JobId]
    created: NotRequired[Annotated[bool, _about("False for a job that was there already.")]]
    problem: NotRequired[Problem]


def _rfc3339(value: Any) -> Any:
    """Only the written form: pydantic alone would take a number as seconds since 1970."""
    if not isinstance(value, str) or not _DATE_TIME.match(value):
        raise ValueError("Give a date and time with its zone, such as 2026-05-01T12:00:00Z.")
    return value


def _object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError("Give the arguments as a JSON object.")
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("It is outside the years 1 to 9999.") from error


WebhookUrl = Annotated[
    str,
    Field(min_length=1, max_length=2000, examples=["https://example.org/hook"]),
    _about("A public address, with https://."),
]
WebhookEvents = Annotated[
    list[Literal["job.succeeded", "job.failed", "job.cancelled"]],
    Field(min_length=1, max_length=10, examples=[["job.succeeded", "job.failed"]]),
]
WebhookTask = Annotated[
    Annotated[str, Field(min_length=1, max_length=200)] | None,
    _about("Only this task; null: every task."),
]


class WebhookSubmission(BaseModel):
    """The body of ``POST /webhooks``."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    url: WebhookUrl
    events: WebhookEvents
    task: WebhookTask = None
    everyone: Annotated[
        bool, _about("The jobs of all users; for staff with the permission for it.")
    ] = False


class WebhookChange(BaseModel):
    """The body of ``PATCH /webhooks/{id}``: what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    # Null is none of their values: only what was sent is looked at.
    url: WebhookUrl = None  # type: ignore[assignment]
    events: WebhookEvents = None  # type: ignore[assignment]
    task: WebhookTask = None
    enabled: bool = None  # type: ignore[assignment]


class Submission(BaseModel):
    """The body of ``POST /jobs``. A member that is null is as good as absent.

    ``priority`` and ``max_attempts`` are held to their limits where a job is submitted, whoever
    submits it; here the limits are for the document.
    """

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    task: Annotated[TaskName, Field(examples=["webapp.square"])]
    args: Annotated[
        dict[str, Any],
        BeforeValidator(_object),
        AfterValidator(JsonArguments),
        Field(validate_default=True),
        _about("Its arguments by name."),
    ] = {}
    queue: Annotated[str | None, _about("Another queue than the task's own.")] = None
    priority: Annotated[
        int | None, _about("Only staff may raise it.", minimum=-100, maximum=100)
    ] = None
    run_after: Annotated[
        Annotated[
            AwareDatetime, Field(strict=False), BeforeValidator(_rfc3339), AfterValidator(_in_utc)
        ]
        | None,
        _about("Not before this time; with a zone."),
    ] = None
    max_attempts: Annotated[
        int | None,
        _about("Failures allowed in all; only staff may raise it.", minimum=1, maximum=1000),
    ] = None
    unique_key: Annotated[
        Annotated[str, Field(min_length=1, max_length=200)] | None,
        _about("At most one unfinished job of this task, owner and key: another gets that job."),
    ] = None
    notify: Annotated[
        Literal["email"] | None, _about("`email`: send its owner an e-mail when it has ended.")
    ] = None


_NAMES: Final[dict[str, Any]] = {"minItems": 1, "maxItems": MOST_NAMES}


class TokenRequest(BaseModel):
    """The body of ``POST /tokens``. A member that is null is as good as absent."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    name: Annotated[str, Field(max_length=100), _about("What it is for.")] = ""
    scopes: Annotated[
        list[Scope] | None, _about("What it may do; without it, everything.", **_NAMES)
    ] = None
    tasks: Annotated[list[str] | None, _about("Only jobs of these tasks.", **_NAMES)] = None
    queues: Annotated[list[str] | None, _about("Only jobs in these queues.", **_NAMES)] = None
    expires: Annotated[
        str | None,
        Field(examples=["30d"]),
        _about(
            "How long it is valid: `90m`, `12h`, `30d`; without it, for ever.",
            pattern=LIFETIME,
        ),
    ] = None
