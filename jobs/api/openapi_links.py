"""What can be done with what a call returned: the links between the document's operations."""

from __future__ import annotations

from typing import Any, Final

_OF_A_JOB: Final = dict.fromkeys(
    ("getJob", "cancelJob", "retryJob", "getLog"), ("id", "$response.body#/id")
)
_BY_SCHEMA: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Job": _OF_A_JOB,
    "JobList": {"getJob": ("id", "$response.body#/items/0/id")},
    "NewToken": dict.fromkeys(("revokeToken", "rotateToken"), ("token_id", "$response.body#/id")),
    "TokenList": {"revokeToken": ("token_id", "$response.body#/items/0/id")},
    "UploadList": {"getUpload": ("upload_id", "$response.body#/items/0/id")},
    "TaskList": {"getTask": ("name", "$response.body#/items/0/name")},
}
_BY_OPERATION: Final[dict[str, dict[str, tuple[str, str]]]] = {
    # The other way to send a file is one call: nothing is left to be done with it by its id.
    "createUpload": dict.fromkeys(
        ("getUploadOffset", "appendToUpload", "deleteUpload"), ("upload_id", "$response.body#/id")
    ),
    "createWebhook": dict.fromkeys(
        ("getWebhook", "changeWebhook", "testWebhook", "rotateWebhookSecret", "listDeliveries"),
        ("webhook_id", "$response.body#/id"),
    ),
}


def links(operation_id: str, schema: str) -> dict[str, Any]:
    """Return the links of a response, by the operation that each leads to.

    Args:
        operation_id: the operation that has responded.
        schema: the name of the response's schema.
    """
    found = _BY_SCHEMA.get(schema, {}) | _BY_OPERATION.get(operation_id, {})
    return {
        target: {"operationId": target, "parameters": {parameter: value}}
        for target, (parameter, value) in found.items()
        if target != operation_id
    }
