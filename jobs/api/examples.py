"""Examples for the OpenAPI document and its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .json_schema import COMPONENTS, Schema, component_schemas

JOB_ID: Final = "01990a5d-ac96-774b-bcce-b302099a8057"
_UPLOAD_ID: Final = "01990a5c-0d41-7c1e-9a3f-5d1f0a7e6b12"
_MAX_DEPTH: Final = 4
_BY_TYPE: Final = {"boolean": True, "null": None}
_BY_FORMAT: Final = {
    "date": "2026-11-21",
    "date-time": "2026-11-21T14:30:00Z",
    "time": "14:30:00",
    "duration": "PT5M",
    "email": "ada@example.org",
    "uri": "https://example.org/",
    "uuid": _UPLOAD_ID,
}
_JOB: Final[dict[str, Any]] = {
    "id": JOB_ID,
    "task": "webapp.square",
    "queue": "default",
    "priority": 0,
    "status": "queued",
    "args": {"n": 7},
    "result": None,
    "error": None,
    "progress": None,
    "warnings": [],
    "attempt": 0,
    "failures": 0,
    "max_attempts": 1,
    "created_at": "2026-11-21T14:30:00Z",
    "run_after": None,
    "started_at": None,
    "finished_at": None,
    "cancel_requested": False,
    "request_id": "5f0c2d1f2a6b4c0e9d8b7a6c5e4f3a21",
    "links": {
        "self": f"/api/v1/jobs/{JOB_ID}",
        "html": f"/jobs/{JOB_ID}/",
        "log": f"/api/v1/jobs/{JOB_ID}/log",
        "cancel": f"/api/v1/jobs/{JOB_ID}/cancel",
        "retry": f"/api/v1/jobs/{JOB_ID}/retry",
    },
    "artifacts": [],
}
_WEBHOOK_ID: Final = "01990a5e-1b7c-7d3f-8a51-6f2c7f9b0e34"
_WEBHOOK: Final[dict[str, Any]] = {
    "id": _WEBHOOK_ID,
    "url": "https://example.org/hook",
    "events": ["job.succeeded", "job.failed"],
    "task": None,
    "everyone": False,
    "enabled": True,
    "disabled_reason": None,
    "failing_since": None,
    "created_at": "2026-11-21T14:30:00Z",
    "links": {
        "self": f"/api/v1/webhooks/{_WEBHOOK_ID}",
        "test": f"/api/v1/webhooks/{_WEBHOOK_ID}/test",
        "rotate": f"/api/v1/webhooks/{_WEBHOOK_ID}/rotate",
        "deliveries": f"/api/v1/webhooks/{_WEBHOOK_ID}/deliveries",
    },
}
_DELIVERY: Final[dict[str, Any]] = {
    "id": _UPLOAD_ID,
    "message_id": _UPLOAD_ID,
    "event": "job.succeeded",
    "status": "scheduled",
    "created_at": "2026-11-21T14:30:00Z",
    "next_attempt_at": "2026-11-21T14:30:06Z",
    "attempts": [
        {
            "number": 1,
            "started_at": "2026-11-21T14:30:00Z",
            "ended_at": "2026-11-21T14:30:01Z",
            "outcome": "failed",
            "detail": "It answered 500 Internal Server Error.",
        }
    ],
    "links": {
        "redeliver": f"/api/v1/webhooks/{_WEBHOOK_ID}/deliveries/{_UPLOAD_ID}/redeliver",
        "job": f"/api/v1/jobs/{JOB_ID}",
    },
}
_UPLOAD: Final[dict[str, Any]] = {
    "id": _UPLOAD_ID,
    "name": "access.log",
    "size": 1_048_576,
    "stored": 1_048_576,
    "in_use": False,
    "created_at": "2026-11-21T14:30:00Z",
    "expires_at": "2026-11-22T14:30:00Z",
}
EXAMPLES: Final[dict[str, Any]] = {
    "Webhook": _WEBHOOK,
    "WebhookWithSecret": {**_WEBHOOK, "secret": f"whsec_{'A' * 43}="},
    "WebhookList": {"items": [_WEBHOOK]},
    "Delivery": _DELIVERY,
    "DeliveryList": {"items": [_DELIVERY]},
    "Job": _JOB,
    "JobList": {
        "items": [{name: one for name, one in _JOB.items() if name not in {"args", "result"}}],
        "more": False,
    },
    "Upload": _UPLOAD,
    "UploadList": {"items": [_UPLOAD], "more": False},
    "State": {"status": "ok"},
}
"""By the name of the schema."""


def example_of(schema: Mapping[str, Any], components: dict[str, Schema] | None = None) -> Any:
    """Return a value that fits a JSON Schema, as far as its form tells; None where nothing does.

    Args:
        schema: of arguments, with pydantic's ``$defs`` or with references to components.
        components: those of the document.
    """
    known = {f"#/$defs/{name}": one for name, one in schema.get("$defs", {}).items()}
    known |= {COMPONENTS + name: one for name, one in (components or component_schemas()).items()}
    return _example({**schema}, known, 0)


def _example(schema: Schema, known: dict[str, Schema], depth: int) -> Any:
    schema = {**known.get(schema.get("$ref", ""), {}), **schema}
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("const", "default"):
        if schema.get(name) is not None:
            return schema[name]
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return _example(schema[name][0], known, depth)
    return None if depth > _MAX_DEPTH else _of_type(schema, known, depth)


def _of_type(schema: Schema, known: dict[str, Schema], depth: int) -> Any:
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return _object(schema, known, depth)
    if kind == "array":
        return _array(schema, known, depth)
    if kind == "string":
        text = _BY_FORMAT.get(schema.get("format", ""), "text")
        return text.ljust(schema.get("minLength", 0), "x")[: schema.get("maxLength")]
    if kind in {"integer", "number"}:
        return _number(schema, str(kind))
    return _BY_TYPE.get(str(kind))


def _object(schema: Schema, known: dict[str, Schema], depth: int) -> dict[str, Any]:
    required = schema.get("required", [])
    return {
        name: _example(part, known, depth + 1)
        for name, part in schema.get("properties", {}).items()
        if name in required
    }


def _array(schema: Schema, known: dict[str, Schema], depth: int) -> list[Any]:
    first = [_example(one, known, depth + 1) for one in schema.get("prefixItems", [])]
    count = max(schema.get("minItems", 1) - len(first), 0) if schema.get("items") else 0
    return first + [_example(schema["items"], known, depth + 1) for _ in range(count)]


def _number(schema: Schema, kind: str) -> Any:
    number: float = 7 if kind == "integer" else 0.5
    step = 1 if kind == "integer" else 0.5
    lowest = schema.get("minimum", schema.get("exclusiveMinimum", number - step) + step)
    highest = schema.get("maximum", schema.get("exclusiveMaximum", number + step) - step)
    return min(max(number, lowest), highest)
