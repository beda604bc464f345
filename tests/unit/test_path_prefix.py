"""A path reaches Django without the prefix, whoever has or has not removed it on the way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from webapp import path_prefix


def over_wsgi(prefix: str | None, path: str, settings: Any, **environ: str) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO as the application gets them."""
    settings.FORCE_SCRIPT_NAME = prefix
    found: list[dict[str, Any]] = []

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        found.append(environ)
        return []

    wrapped = path_prefix.for_wsgi(application)
    wrapped({"SCRIPT_NAME": "", "PATH_INFO": path, **environ}, lambda *_: None)
    return found[0]["SCRIPT_NAME"], found[0]["PATH_INFO"]


def over_asgi(
    prefix: str | None, path: str, settings: Any, *, root: str = "", header: str = ""
) -> tuple[str, str]:
    """The root path and the whole path as the application gets them."""
    settings.FORCE_SCRIPT_NAME = prefix
    found: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found.append(scope)

    headers = [(b"x-forwarded-prefix", header.encode())] if header else []
    scope = {"type": "http", "path": path, "root_path": root, "headers": headers}
    asyncio.run(path_prefix.for_asgi(application)(scope, None, None))
    return found[0]["root_path"], found[0]["path"]


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/desk/jobs/", "/jobs/"),
        ("/jobs/", "/jobs/"),  # removed by a proxy
        ("/healthz", "/healthz"),  # asked directly
        ("/desk", "/"),
        ("/desk/", "/"),
        ("/desks/", "/desks/"),
    ],
)
def test_wsgi(settings: Any, path: str, rest: str) -> None:
    assert over_wsgi("/desk", path, settings) == ("/desk", rest)
    assert over_asgi("/desk", path, settings) == ("/desk", f"/desk{rest}")


def test_a_server_that_removed_it_is_believed(settings: Any) -> None:
    assert over_wsgi("/jobs", "/jobs/", settings, SCRIPT_NAME="/jobs") == ("/jobs", "/jobs/")


def test_a_prefix_that_is_the_name_of_a_page(settings: Any) -> None:
    """``/jobs/`` is the first page, unless a proxy says that it has removed ``/jobs``."""
    assert over_wsgi("/jobs", "/jobs/", settings) == ("/jobs", "/")
    assert over_wsgi("/jobs", "/jobs/jobs/", settings) == ("/jobs", "/jobs/")
    told = over_wsgi("/jobs", "/jobs/", settings, HTTP_X_FORWARDED_PREFIX="/jobs")
    assert told == ("/jobs", "/jobs/")
    assert over_asgi("/jobs", "/jobs/", settings) == ("/jobs", "/jobs/")
    told = over_asgi("/jobs", "/jobs/", settings, header="/jobs")
    assert told == ("/jobs", "/jobs/jobs/")


def test_a_header_of_a_client_cannot_choose_the_prefix(settings: Any) -> None:
    for sent in ("/evil", "//evil.example", ""):
        found = over_wsgi("/desk", "/desk/jobs/", settings, HTTP_X_FORWARDED_PREFIX=sent)
        assert found == ("/desk", "/jobs/")
        assert over_asgi("/desk", "/desk/jobs/", settings, header=sent) == ("/desk", "/desk/jobs/")
    assert over_wsgi(None, "/jobs/", settings, HTTP_X_FORWARDED_PREFIX="/evil") == ("", "/jobs/")


@pytest.mark.parametrize("configured", [None, "/desk"])
@pytest.mark.parametrize(
    "path",
    [
        "/desk/jobs/",  # uvicorn, removed by a proxy; hypercorn and daphne, not removed
        "/jobs/",  # hypercorn and daphne, removed
        "/desk/desk/jobs/",  # uvicorn, not removed
    ],
)
def test_the_option_of_an_asgi_server(settings: Any, configured: str | None, path: str) -> None:
    assert over_asgi(configured, path, settings, root="/desk/") == ("/desk", "/desk/jobs/")


def test_without_a_prefix_nothing_is_changed(settings: Any) -> None:
    assert over_wsgi(None, "/desk/", settings, SCRIPT_NAME="/x") == ("/x", "/desk/")
    assert over_asgi(None, "/desk/", settings) == ("", "/desk/")
    assert over_asgi("", "/jobs/jobs/", settings, root="/jobs") == ("/jobs", "/jobs/jobs/")
