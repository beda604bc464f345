"""What can be done with what a call returned: the links between the document's operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Links = Mapping[str, Mapping[str, str]]
"""The parameters of each operation that is led to: expressions of OpenAPI, by their names."""

_ID: Final = {"id": "$response.body#/id"}
_UPLOAD_ID: Final = {"upload_id": "$response.body#/id"}
_TOKEN_ID: Final = {"token_id": "$response.body#/id"}
_WEBHOOK_ID: Final = {"webhook_id": "$response.body#/id"}
_FIRST: Final = "$response.body#/items/0"
_BY_SCHEMA: Final[Mapping[str, Links]] = {
    "Job": {
        **dict.fromkeys(("getJob", "cancelJob", "retryJob", "getLog"), _ID),
        "listResults": {"task": "$response.body#/task"},
    },
    "JobList": {"getJob": {"id": f"{_FIRST}/id"}},
    "ResultPage": {
        "getJob": {"id": f"{_FIRST}/id"},
        "getArtifact": {"id": f"{_FIRST}/id", "name": f"{_FIRST}/artifacts/0/name"},
        "listResults": {"after": "$response.body#/next"},
    },
    "NewToken": dict.fromkeys(("revokeToken", "rotateToken"), _TOKEN_ID),
    "TokenList": {"revokeToken": {"token_id": f"{_FIRST}/id"}},
    "UploadList": {"getUpload": {"upload_id": f"{_FIRST}/id"}},
    "TaskList": {"getTask": {"name": f"{_FIRST}/name"}},
}
_BY_OPERATION: Final[Mapping[str, Links]] = {
    # The others answer with a job that has not begun, and so has no files.
    "getJob": {"getArtifact": {**_ID, "name": "$response.body#/artifacts/0/name"}},
    # The other way to send a file is one call: nothing is left to be done with it by its id.
    "createUpload": dict.fromkeys(
        ("getUploadOffset", "appendToUpload", "deleteUpload"), _UPLOAD_ID
    ),
    "createWebhook": dict.fromkeys(
        ("getWebhook", "changeWebhook", "testWebhook", "rotateWebhookSecret", "listDeliveries"),
        _WEBHOOK_ID,
    ),
}


def links(operation_id: str, schema: str) -> dict[str, Any]:
    """Return the links of a response, by the operation that each leads to.

    Args:
        operation_id: the operation that has responded.
        schema: the name of the response's schema.
    """
    found = {**_BY_SCHEMA.get(schema, {}), **_BY_OPERATION.get(operation_id, {})}
    return {
        target: {"operationId": target, "parameters": {**parameters}}
        for target, parameters in found.items()
        # To the same operation leads only what goes on.
        if target != operation_id or "after" in parameters
    }
