"""The site below a path of a shared host name, such as ``https://example.org/desk/``.

What a server calls gets here with and without the prefix: a proxy may remove it or not, gunicorn
and uvicorn have options for it, and a probe asks the server directly, without it. Django wants it
apart from the rest of the path in each case.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from django.conf import settings
from django.urls import is_valid_path

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Asgi = Callable[[Any, Any, Any], Coroutine[Any, Any, None]]

_FORWARDED: Final = "X-Forwarded-Prefix"
"""The header of a proxy that has removed the prefix. It is only compared with ours."""


def for_wsgi(application: Wsgi) -> Wsgi:
    """Return the application below the configured prefix; itself where there is none."""
    prefix = settings.FORCE_SCRIPT_NAME
    if not prefix:
        return application
    header = f"HTTP_{_FORWARDED.upper().replace('-', '_')}"

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # gunicorn has taken it off the path already, when SCRIPT_NAME told it to.
        removed = environ.get("SCRIPT_NAME") or environ.get(header) == prefix
        path = environ["PATH_INFO"]
        environ["SCRIPT_NAME"] = prefix
        environ["PATH_INFO"] = path if removed else (_below(prefix, path) or path)
        return application(environ, start_response)

    return wrapped


def for_asgi(application: Asgi) -> Asgi:
    """Return the application below the configured prefix, or the one that the server names."""
    configured = settings.FORCE_SCRIPT_NAME

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (prefix := configured or scope.get("root_path", "")):
            prefix = prefix.rstrip("/")
            path = f"{prefix}{_received(scope, prefix)}"
            scope = {**scope, "root_path": prefix, "path": path}
        await application(scope, receive, send)

    return wrapped


def _received(scope: Any, prefix: str) -> str:
    """Return the path without the prefix.

    uvicorn, told by ``--root-path``, has put it before whatever it received; hypercorn and daphne
    have not.
    """
    path: str = scope["path"]
    by_server = bool(scope.get("root_path"))
    forwarded = (_FORWARDED.lower().encode(), prefix.encode("latin-1", "replace"))
    if not by_server and forwarded in scope["headers"]:
        return path
    once = _below(prefix, path)
    if once is None:
        return path
    twice = _below(prefix, once) if by_server else None
    # The proxy did not remove it. Where it is the name of a page (`/jobs`), that page is meant.
    return once if twice is None or is_valid_path(once) else twice


def _below(prefix: str, path: str) -> str | None:
    """Return the rest of a path below the prefix, None for one that is elsewhere."""
    if path == prefix:
        return "/"
    return path[len(prefix) :] if path.startswith(f"{prefix}/") else None
