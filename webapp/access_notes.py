"""What only the application knows of a request, for the access log of ``up``."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase

from jobs.core.db import DATABASE_ERRORS
from jobs.core.users import name_of
from jobs.web.client_address import client_network
from webapp.up.server.access_log import NOTES

NAME_SECONDS: Final = 60
"""For so long a name is known; a token's request reads only the key of its user."""


def note_access(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: tell the server of ``up`` who has sent the request. Only with an access log."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        notes = request.META.get(NOTES)
        if notes is not None:
            notes["client"] = client_network(request)
            caller: Any = getattr(request, "caller", None)
            # The site's session, where a page has looked at it; it is not read for the log.
            user = caller.user if caller else getattr(request, "_cached_user", None)
            notes["by_token"] = caller is not None and caller.by_token
            if user is not None and user.pk is not None:
                notes["user"] = _name(user.pk, int(time.monotonic() / NAME_SECONDS))
        return response

    return middleware


@lru_cache(maxsize=1024)
def _name(key: Any, _period: int) -> str:
    try:
        return name_of(key)
    except DATABASE_ERRORS:
        return str(key)
