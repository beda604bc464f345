"""Responses that the server gives by itself, to what never reaches the application."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from jobs.core.request_ids import HEADER

MEDIA_TYPE: Final = "application/problem+json"


class Refused(Exception):
    """A request that is not handled: the status and a sentence for its sender."""

    def __init__(self, code: int, detail: str) -> None:
        self.code = HTTPStatus(code)
        self.detail = detail
        super().__init__(code, detail)

    def response(self, request_id: str) -> bytes:
        """Return the whole response, a problem as RFC 9457 has it; the connection ends with it."""
        problem = {
            "type": "about:blank",
            "title": self.code.phrase,
            "status": self.code.value,
            "detail": self.detail,
        }
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {self.code.value} {self.code.phrase}\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\n"
            f"{HEADER}: {request_id}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )
        return head.encode("latin-1") + body
