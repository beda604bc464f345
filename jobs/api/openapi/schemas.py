"""The JSON that goes in and out, as JSON Schema (draft 2020-12, as OpenAPI 3.1 has it)."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.states import Status

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    """A reference to one of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(members: dict[str, Schema], *optional: str, **more: Any) -> Schema:
    required = [name for name in members if name not in optional]
    return {"type": "object", "properties": members, "required": required, **more}


def _items(name: str) -> Schema:
    return _object({"items": {"type": "array", "items": ref(name)}})


def _text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def _whole(description: str = "", **more: Any) -> Schema:
    return {**_text(description, **more), "type": "integer"}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _or_null(schema: Schema) -> Schema:
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


_ID: Final = _text("A UUID of version 7: it grows with time.", format="uuid")
_MOMENT: Final = _text(format="date-time")
_LINK: Final = _text(format="uri-reference")
_NUMBER: Final = {"type": ["number", "null"]}
PRIORITY: Final = _whole("Higher is taken first.", minimum=-100, maximum=100)

OPTIONS: Final[dict[str, Schema]] = {
    "queue": _or_null(_text("Another queue than the task's own.")),
    "priority": _or_null({**PRIORITY, "description": "Who is not staff may lower it."}),
    "run_after": _or_null(_text("Not before this time; with a zone.", format="date-time")),
    "max_attempts": _or_null(
        _whole("Failures allowed in all; who is not staff may lower it.", minimum=1, maximum=1000)
    ),
    "unique_key": _or_null(
        _text(
            "At most one unfinished job of this task, owner and key: another gets that job.",
            minLength=1,
            maxLength=200,
        )
    ),
}

SUBMISSION: Final = _object(
    {
        "task": _text("The task's name.", examples=["webapp.square"]),
        "args": {"type": "object", "description": "Its arguments by name.", "default": {}},
        **OPTIONS,
    },
    "args",
    *OPTIONS,
    additionalProperties=False,
)

JOB: Final = _object(
    {
        "id": _ID,
        "task": _text("The task's name."),
        "queue": _text(),
        "priority": PRIORITY,
        "status": ref("Status"),
        "args": {"type": "object", "description": "The arguments, checked and completed."},
        "result": {
            "description": "What the task returned; null before, and over 64 KiB (then "
            "it is the artifact `result.json`)."
        },
        "error": _or_null(ref("JobError")),
        "progress": _or_null(ref("Progress")),
        "attempt": _whole("How many times it was started.", minimum=0),
        "failures": _whole("How many attempts failed, of `max_attempts`.", minimum=0),
        "max_attempts": _whole(minimum=1),
        "created_at": _MOMENT,
        "run_after": _or_null(_MOMENT),
        "started_at": _or_null(_MOMENT),
        "finished_at": _or_null(_MOMENT),
        "cancel_requested": _flag("Somebody asked for it to be cancelled."),
        "links": _object(dict.fromkeys(("self", "html", "log", "cancel", "retry"), _LINK)),
        "artifacts": {"type": "array", "items": ref("Artifact")},
    }
)

TASK: Final = _object(
    {
        "name": _text(),
        "title": _text(),
        "description": _text(),
        "queue": _text(),
        "priority": PRIORITY,
        "max_attempts": _whole(minimum=1),
        "timeout": {**_NUMBER, "description": "Seconds an attempt may take; null: no limit."},
        "executor": _text("Where it runs: in a thread, or in a process of its own."),
        "permission": _or_null(_text("What its user needs: `app.codename` or `staff`.")),
        "allowed": _flag("Whether the caller may hand it in."),
        "schema": {"type": "object", "description": "The JSON Schema of its arguments."},
        "links": _object({"self": _LINK, "html": _LINK}),
    }
)

QUEUE: Final = _object(
    {
        "name": _text(),
        "waiting": _whole("Counted up to 100,000.", minimum=0),
        "scheduled": _whole(minimum=0),
        "running": _whole(minimum=0),
        "paused": _flag("Nothing is taken from it."),
        "oldest_waiting_seconds": {**_NUMBER, "description": "Null when no job waits."},
        "consumers": _whole("Consumer processes that serve it.", minimum=0),
    }
)

PROBLEM: Final = _object(
    {
        "type": _text(
            "What kind of problem: an anchor in the documentation.", format="uri-reference"
        ),
        "title": _text("The kind in words."),
        "status": _whole("The same as the answer's."),
        "detail": _text("What is wrong this time."),
        "errors": {"type": "array", "items": ref("Misfit")},
        "nearest": {"type": "array", "items": _text(), "description": "The closest task names."},
    },
    "errors",
    "nearest",
)

SCHEMAS: Final[dict[str, Schema]] = {
    "Submission": SUBMISSION,
    "Job": JOB,
    "JobList": _items("Job"),
    "Status": _text(enum=list(Status.values)),
    "JobError": _object(
        {
            "type": _text(
                "The exception's qualified name, or one of `Timeout`, `WorkerDied`, "
                "`Cancelled`, `UnknownTask`, `InvalidArguments`."
            ),
            "message": _text(),
        }
    ),
    "Progress": _object(
        {"done": _NUMBER, "total": _NUMBER, "percent": _NUMBER, "message": _or_null(_text())}
    ),
    "Artifact": _object({"name": _text(), "size": _whole("Bytes.", minimum=0), "url": _LINK}),
    "Upload": _object({"id": _ID, "name": _text(), "size": _whole("Bytes.", minimum=0)}),
    "Task": TASK,
    "TaskList": _items("Task"),
    "Queue": QUEUE,
    "QueueList": _items("Queue"),
    "State": _object({"status": _text()}),
    "Text": _text(),
    "Bytes": {},
    "Document": {"type": "object"},
    "Problem": PROBLEM,
    "Misfit": _object(
        {
            "pointer": _text("A JSON pointer into the request.", format="json-pointer"),
            "detail": _text(),
        }
    ),
}
