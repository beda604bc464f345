"""The message on the wire: public, so that a program in any language can submit a job.

``MESSAGE_SCHEMA`` is what ``docs/messages.md`` prints; a test holds both, and ``read``, together.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any, Final

from jobs.core.jsonutils import reject_constant

LONGEST_NAME: Final = 200
_UUID7 = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"

MESSAGE_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A message to Jobdesk",
    "type": "object",
    "required": ["job_id"],
    "properties": {
        "job_id": {"type": "string", "pattern": _UUID7},
        "task": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
        "args": {"type": "object"},
    },
    "dependentRequired": {"task": ["args"], "args": ["task"]},
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class JobMessage:
    """A wake-up for a stored job; with a task, a job that may not be stored yet."""

    job_id: uuid.UUID
    task: str | None = None
    args: dict[str, Any] | None = None


class BadMessage(ValueError):
    """This is not a message of ours; the text says why."""


def channel(queue: str) -> str:
    """Return the name of a queue's stream or topic."""
    return f"jobs.{queue}"


def wakeup_body(job_id: uuid.UUID) -> bytes:
    """Return the body that tells consumers of a stored job."""
    return b'{"job_id": "%s"}' % str(job_id).encode()


def read(body: bytes | None, limit: int) -> JobMessage:
    """Read a body of at most ``limit`` bytes. Nothing in it is ever unpickled or imported.

    Raises:
        BadMessage: it has neither of the two forms.
    """
    if body is None:
        raise BadMessage("the entry has no field 'body'")
    if len(body) > limit:
        raise BadMessage(f"{len(body):,} bytes are over the limit of {limit:,}")
    value = _json(body)
    if not isinstance(value, dict):
        raise BadMessage("it is no JSON object")
    unknown = sorted(value.keys() - MESSAGE_SCHEMA["properties"].keys())
    if unknown:
        raise BadMessage(f"unknown keys: {', '.join(unknown)}"[:200])
    return _message(value)


def _message(value: dict[str, Any]) -> JobMessage:
    job_id, task, args = value.get("job_id"), value.get("task"), value.get("args")
    if not isinstance(job_id, str) or not re.fullmatch(_UUID7[1:-1], job_id):
        raise BadMessage("job_id is no UUID of version 7")
    if "task" not in value and "args" not in value:
        return JobMessage(uuid.UUID(job_id))
    if not isinstance(task, str) or not 1 <= len(task) <= LONGEST_NAME:
        raise BadMessage("task is no name")
    if not isinstance(args, dict):
        raise BadMessage("args is no JSON object")
    return JobMessage(uuid.UUID(job_id), task, args)


def _json(body: bytes) -> Any:
    try:
        return _DECODER.decode(body.decode())
    except UnicodeDecodeError:
        raise BadMessage("it is not UTF-8") from None
    except RecursionError:
        raise BadMessage("it is nested too deeply") from None
    except ValueError as error:
        raise BadMessage(f"it is no JSON: {error}"[:200]) from None


_DECODER: Final = json.JSONDecoder(parse_constant=reject_constant)
