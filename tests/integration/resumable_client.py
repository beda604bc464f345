"""What a client of resumable uploads sends."""

from __future__ import annotations

from typing import Any

from jobs.core.storage import job_storage
from tests.integration.api_client import Api

RESUMABLE = "/api/v1/uploads/resumable"
PIECE = "application/offset+octet-stream"


def create(api: Api, length: int | str, **headers: str) -> Any:
    """Announce an upload."""
    sent = {"Upload-Length": str(length), **headers}
    return api.send("post", RESUMABLE, headers={k.replace("_", "-"): v for k, v in sent.items()})


def begin(api: Api, length: int) -> str:
    """Announce an upload; return its address."""
    response = create(api, length)
    assert response.status_code == 201
    address: str = response.headers["Location"]
    return address


def append(api: Api, address: str, offset: int, data: bytes, **more: Any) -> Any:
    """Send a piece."""
    more.setdefault("content_type", PIECE)
    headers = {"Upload-Offset": str(offset), "Tus-Resumable": "1.0.0", **more.pop("headers", {})}
    return api.send("patch", address, data, headers=headers, **more)


def offset_of(api: Api, address: str) -> int:
    """Ask how much is stored."""
    response = api.send("head", address)
    assert response.status_code == 200
    return int(response.headers["Upload-Offset"])


def stored_files() -> set[str]:
    """The names of all uploads and pieces in the storage."""
    storage = job_storage()
    try:
        folders = storage.listdir("uploads")[0]
    except FileNotFoundError:
        return set()
    listed = {one: storage.listdir(f"uploads/{one}")[1] for one in folders}
    return {f"uploads/{one}/{name}" for one, names in listed.items() for name in names}
