"""Which addresses a webhook may have; checked when it is made, and again at each connection."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

from jobs.conf import get_conf
from jobs.core.safe_http.addresses import FetchRefused, NotPublic
from jobs.models.webhook import MAX_URL

NOT_PUBLIC: Final = "It is not a public address. Webhooks are sent to public addresses only."


def is_possible() -> bool:
    """Whether what sends is installed (the extra ``webhooks``)."""
    return find_spec("httpx") is not None


def checked_url(text: str) -> str:
    """Return the address as it is stored, in ASCII.

    Names are not resolved: what they lead to may change, and is checked at each connection.

    Raises:
        ValueError: it cannot be that of a webhook; the message says why.
    """
    from jobs.core.safe_http.urls import check_url, web_url

    if len(text) > MAX_URL:
        raise ValueError(f"It has more than {MAX_URL:,} characters.")
    conf = get_conf()
    scheme = text.partition(":")[0].lower()
    if scheme not in conf.webhook_schemes:
        known = " or ".join(f"{one}://" for one in conf.webhook_schemes)
        raise ValueError(f"It must begin with {known}.")
    try:
        url = web_url(text)
        check_url(text, conf.webhook_allowed)
    except NotPublic:
        raise ValueError(NOT_PUBLIC) from None
    except FetchRefused as error:
        raise ValueError(str(error)) from None
    if urlsplit(str(url)).username is not None:
        raise ValueError("It must not have a name or a password: the signature says who sends.")
    stored = str(url).partition("#")[0]
    if len(stored) > MAX_URL:
        raise ValueError(f"In ASCII it has more than {MAX_URL:,} characters.")
    return stored


def refusal_of(error: FetchRefused) -> str:
    """Return why an address was not connected to, for the owner of a webhook."""
    return not_public() if isinstance(error, NotPublic) else str(error)


def not_public() -> str:
    """Return the sentence for a name that leads to another address than it should."""
    return "Its host does not lead to a public address. Webhooks are sent to those only."
