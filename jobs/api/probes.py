"""Middleware that answers probes by itself.

A probe (Kubernetes' kubelet, a load balancer, Prometheus) asks the process directly: its ``Host``
is an address that ``ALLOWED_HOSTS`` cannot list, and it neither speaks HTTPS nor follows a redirect
to it. No other path gets past Django's checks here, and no response has anything of the ``Host``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

GetResponse = Callable[[HttpRequest], HttpResponseBase]

_ENDINGS: Final = ("/healthz", "/readyz", "/metrics")
_OPEN: Final = frozenset({"jobs_healthz", "jobs_readyz"})
_FOR_TOKENS: Final = "jobs_metrics"


def answer_probes(get_response: GetResponse) -> GetResponse:
    """Answer ``/healthz`` and ``/readyz``, and ``/metrics`` to a token, whatever the host is.

    It belongs before all other middleware.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        view = _probe(request) if request.path_info.endswith(_ENDINGS) else None
        return get_response(request) if view is None else view(request)

    return middleware


def _probe(request: HttpRequest) -> Callable[..., Any] | None:
    """Return the view that this request may have at once."""
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None
    # Without a token the session decides, which other middleware brings.
    with_token = request.META.get("HTTP_AUTHORIZATION", "").lower().startswith("bearer ")
    is_probe = match.url_name in _OPEN or (match.url_name == _FOR_TOKENS and with_token)
    return match.func if is_probe else None
