"""A call in Python, made of its sample for curl: the two cannot say different things."""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

from .operations import ID_IN_PATH, Operation
from .responses import JSON

_FILE: Final = "@"


def python_sample(operation: Operation) -> str:
    """Return the call with httpx, by the client ``desk`` that knows the address and the token."""
    address, headers, body = _parts(operation.curl)
    where = address.replace("$URL", "$DESK" + operation.path).removeprefix("$DESK")
    where = ID_IN_PATH.sub("$ID", where).replace("$ID", "{ID}")
    is_filled = "{ID}" in where
    arguments = [f'{"f" if is_filled else ""}"{where}"', *_body(body, headers)]
    if headers:
        arguments.append(f"headers={headers!r}".replace("'", '"'))
    call = f"desk.{operation.method}({', '.join(arguments)})"
    if len(call) > 72:
        lines = "".join(f"    {one},\n" for one in arguments)
        call = f"desk.{operation.method}(\n{lines})"
    return f"answer = {call}\n{_use(operation)}"


def _parts(curl: str) -> tuple[str, dict[str, str], str | None]:
    """The address, the headers and the body of curl's arguments."""
    words = iter(shlex.split(curl.replace("\\\n", " ")))
    address, headers, body = "$URL", dict[str, str](), None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word in {"-d", "--data-binary"}:
            body = next(words)
        elif word.startswith("$"):
            address = word
    headers.pop("Authorization", None)
    return address, headers, body


def _body(body: str | None, headers: dict[str, str]) -> list[str]:
    if body is None:
        return []
    if body.startswith(_FILE):
        return [f'content=Path("{body[1:]}").read_bytes()']
    if headers.get("Content-Type") == JSON:
        headers.pop("Content-Type")
        return [f"json={_literal(json.loads(body))}"]
    return [f"content={body!r}"]


def _literal(value: Any) -> str:
    """As Python's formatters write it: with double quotes."""
    if isinstance(value, dict):
        inner = (f"{json.dumps(key)}: {_literal(item)}" for key, item in value.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _use(operation: Operation) -> str:
    """What is done with the response, by its first media type."""
    first = operation.responses[0]
    if operation.method == "head" or not first.schema:
        return "print(answer.status_code, answer.headers)"
    if first.media_type == JSON:
        return "print(answer.raise_for_status().json())"
    return f"print(answer.raise_for_status().{'content' if first.schema == 'Bytes' else 'text'})"
