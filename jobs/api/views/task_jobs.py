"""``POST /tasks/{name}/jobs``: submit a job of one task; the body is its arguments."""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import HttpRequest

from jobs.api.auth import Caller
from jobs.api.exception_handlers import invalid_members
from jobs.api.json_schema import component_schemas, ref
from jobs.api.operations import SUBMIT_ONE, Operation, query
from jobs.api.request_body import read_json
from jobs.api.responses import JSON, JsonResponse
from jobs.api.submitted import (
    SUBMISSION_HEADERS,
    SUBMISSION_PROBLEMS,
    SUBMITTED,
    submitted_response,
    waited_response,
)
from jobs.catalog.pointer import escape_pointer
from jobs.conf import get_conf
from jobs.core.credentials import SUBMIT
from jobs.errors import FieldError, InvalidArguments, InvalidOptions

_WHOLE: Final = re.compile(r"-?\d{1,18}")
_OPTIONS: Final = ("queue", "priority", "run_after", "max_attempts", "unique_key", "notify")
_NUMBERS: Final = frozenset({"priority", "max_attempts"})


def _as_parameter(name: str) -> dict[str, Any]:
    """A member of a submission as a parameter of a query, where nothing can be null."""
    schema = {**component_schemas()["Submission"]["properties"][name]}
    description = schema.pop("description")
    for inner in schema.pop("anyOf", [])[:1]:
        schema |= inner
    schema["type"] = "integer" if name in _NUMBERS else "string"
    return query(name, description, schema)


@Operation(
    SUBMIT_ONE,
    SUBMITTED,
    [*map(_as_parameter, _OPTIONS), *SUBMISSION_HEADERS],
    problems=SUBMISSION_PROBLEMS,
    body=JSON,
    scope=SUBMIT,
    body_schema=ref("Arguments"),
    example={"n": 7},
    tag="tasks",
    curl="""-H "Content-Type: application/json" \\
  -d '{"n": 7}' "$DESK/api/v1/tasks/webapp.square/jobs?priority=-5" """.rstrip(),
)
def post_task_job(request: HttpRequest, caller: Caller, name: str) -> JsonResponse:
    """Submit a job of a task.

    The body is the arguments alone. What ``POST /jobs`` takes beside them is in the query. A
    pointer in ``errors`` leads into the body, or names a parameter of the query.
    """
    waited = waited_response(request, caller)
    if waited is not None:
        return waited
    arguments = read_json(request, get_conf().max_body, nested_at="")
    if not isinstance(arguments, dict):
        detail = "Give the arguments as a JSON object."
        raise InvalidOptions([{"pointer": "", "detail": detail}])
    options = _options(request)
    # An Idempotency-Key means the same request, whichever of the two addresses it was sent to.
    raw = {"task": name, "args": arguments, **options}
    try:
        return submitted_response(request, caller, raw)
    except InvalidArguments as error:
        raise invalid_members(error.errors) from error


def _options(request: HttpRequest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    wrong: list[FieldError] = []
    for name in request.GET:
        texts = request.GET.getlist(name)
        if len(texts) > 1:
            wrong.append(_error(name, "It is given twice."))
        elif name in _NUMBERS and not _WHOLE.fullmatch(texts[0]):
            wrong.append(_error(name, "It must be a whole number."))
        else:
            found[name] = int(texts[0]) if name in _NUMBERS else texts[0]
    if wrong:
        raise InvalidOptions(wrong)
    return found


def _error(name: str, detail: str) -> FieldError:
    return {"pointer": f"/{escape_pointer(name)}", "detail": detail}
