"""Which URLs can be fetched, read as browsers read them (the WHATWG's URL standard)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urljoin

import idna
from pydantic import AnyUrl, ValidationError

from .addresses import FetchRefused, Network, check_address

MAX_NAME = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_TRIMMED = "".join(map(chr, range(0x21)))  # C0 controls and the space


def web_url(text: str) -> AnyUrl:
    r"""Return the URL as a browser would correct it: ``HTTP:\\Bücher.example`` is
    ``http://xn--bcher-kva.example/``.

    Raises:
        FetchRefused: it is no URL, not one of HTTP, or names what cannot be a host.
    """
    try:
        url = AnyUrl(text)
    except ValidationError as error:
        why = error.errors()[0]["ctx"].get("error", "it cannot be read")
        raise FetchRefused(f"This is not a URL that can be fetched: {why}.") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise FetchRefused(f"{text[:200]} is not fetched: only http and https addresses are.")
    if url.port == 0:
        raise FetchRefused("Nothing can be fetched from port 0.")
    if not _is_ip(url.host):
        _check_name(url.host)
    return url


def joined(base: str, location: str) -> AnyUrl:
    """Return where a redirect leads to.

    Raises:
        FetchRefused: as ``web_url``.
    """
    location = re.sub(r"[\t\r\n]", "", location.strip(_TRIMMED))
    path = re.match(r"[^?#]*", location)
    end = path.end() if path else 0
    try:
        target = urljoin(base, location[:end].replace("\\", "/") + location[end:])
    except ValueError as error:  # urljoin's word on brackets
        raise FetchRefused(f"This is not a URL that can be fetched: {error}.") from error
    return web_url(target)


def check_url(text: str, allowed: Sequence[Network] = ()) -> None:
    """Say before anything is sent what can be known then; names are not resolved.

    Raises:
        FetchRefused: as ``web_url``, or the host is an address that may not be connected to.
    """
    host = web_url(text).host or ""
    if _is_ip(host):
        bare = host.strip("[]")
        check_address(bare, bare, allowed)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _check_name(host: str) -> None:
    name = host.removesuffix(".")
    if len(name) > MAX_NAME:
        raise FetchRefused(f"The name of the host is longer than {MAX_NAME} characters.")
    for label in name.split("."):
        if not _LABEL.fullmatch(label):
            raise FetchRefused(
                _no_name(name, "a part of it is empty, too long or has a wrong sign")
            )
        if label.startswith("xn--"):
            _check_international(name, label)


def _check_international(name: str, label: str) -> None:
    """Refuse what no registry takes (IDNA 2008), such as a snowman."""
    try:
        idna.ulabel(label)
    except UnicodeError as error:
        raise _no_name(name, str(error).rstrip(".")) from None


def _no_name(name: str, why: str) -> FetchRefused:
    return FetchRefused(f"The name of the host, {name[:100]}, is not valid: {why}.")
