"""The configuration: one typed object made from ``settings.JOBS``, never read at import."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

MIB = 1024 * 1024
MAY_BE_ZERO = frozenset(
    {
        "grace_seconds",
        "server_threads",
        "user_max_unfinished",
        "user_max_per_minute",
        "user_max_unclaimed",
    }
)
"""No time to finish; a number of threads that nobody has told; users without a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conf:
    """The values of ``settings.JOBS``; the keys there are these names in upper case.

    Sizes are in bytes and times in seconds unless the name says otherwise. ``data_dir`` is
    absolute: one that is given as relative begins at ``settings.BASE_DIR``.
    """

    broker_url: str = "database://"
    data_dir: Path = Path("var")
    lease_seconds: float = 30.0
    grace_seconds: float = 25.0
    sweep_seconds: float = 5.0
    max_body: int = MIB
    max_upload: int = 100 * MIB
    max_result: int = 64 * 1024
    max_log: int = MIB
    log_level: str = "INFO"
    max_backlog: int = 100_000
    user_max_unfinished: int = 50_000
    user_max_per_minute: int = 60_000
    user_max_unclaimed: int = 1024 * MIB
    retention_days: float = 30.0
    server_threads: int = 0
    default_timeout: float = 1800.0
    foreign_owner: str = ""
    trusted_proxies: tuple[str, ...] = ()
    webhook_schemes: tuple[str, ...] = ("https",)
    webhook_networks: tuple[str, ...] = ()
    user_max_webhooks: int = 20

    def __post_init__(self) -> None:
        """Validate the numbers, the level and the networks, and find the data folder.

        Raises:
            ImproperlyConfigured: a number is not above zero (only those of MAY_BE_ZERO may be 0),
                ``logging`` has no such level, a network is none, the data folder is
                relative to a folder that the settings do not name, or webhooks have another
                scheme than those of HTTP.
        """
        _networks("TRUSTED_PROXIES", self.trusted_proxies)
        _networks("WEBHOOK_NETWORKS", self.webhook_networks)
        if unknown := {*self.webhook_schemes} - {"http", "https"}:
            raise ImproperlyConfigured(
                f"JOBS['WEBHOOK_SCHEMES'] may have 'https' and 'http', not {sorted(unknown)}."
            )
        object.__setattr__(self, "data_dir", _absolute(self.data_dir))
        levels = logging.getLevelNamesMapping()
        if self.log_level not in levels:
            raise ImproperlyConfigured(
                f"JOBS['LOG_LEVEL'] is {self.log_level!r}. Known: {', '.join(levels)}."
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in MAY_BE_ZERO and value == 0:
                continue
            if isinstance(value, int | float) and not value > 0:  # true of NaN as well
                raise ImproperlyConfigured(f"JOBS[{field.name.upper()!r}] must be above zero.")

    @property
    def log_level_number(self) -> int:
        """``log_level`` as ``logging`` counts."""
        return logging.getLevelNamesMapping()[self.log_level]

    @property
    def trusted_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """``trusted_proxies`` as networks; a single address is one as well."""
        return _networks("TRUSTED_PROXIES", self.trusted_proxies)

    @property
    def webhook_allowed(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """``webhook_networks`` as networks: webhooks may be sent there, though it is not public."""
        return _networks("WEBHOOK_NETWORKS", self.webhook_networks)


@cache
def _networks(key: str, texts: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"JOBS[{key!r}] must list networks such as 10.0.0.0/8: {error}."
        ) from None


def _absolute(folder: Path) -> Path:
    # Not from the working directory: a server and a consumer that are started in different folders
    # would neither find each other's files nor wake each other up.
    if folder.is_absolute():
        return folder
    base = getattr(settings, "BASE_DIR", None)
    if base is not None and Path(str(base)).is_absolute():
        return Path(str(base)) / folder
    raise ImproperlyConfigured(
        f"JOBS['DATA_DIR'] must be an absolute path, not {str(folder)!r}: these settings have no"
        " BASE_DIR in which it could begin."
    )


_NO_SETTINGS: Mapping[str, Any] = {}
_cache: tuple[Mapping[str, Any], Conf] | None = None


def get_conf() -> Conf:
    """Return the configuration of the current settings.

    Raises:
        ImproperlyConfigured: an unknown key, or a value of the wrong type.
    """
    global _cache
    given = getattr(settings, "JOBS", _NO_SETTINGS)
    # Keep the mapping itself, not its id(): a later mapping may get the id of a deleted one.
    if _cache is None or _cache[0] is not given:
        _cache = (given, read_conf(given))
    return _cache[1]


def read_conf(given: Mapping[str, Any]) -> Conf:
    """Turn a ``JOBS`` mapping into a ``Conf``.

    Raises:
        ImproperlyConfigured: an unknown key, or a value of the wrong type.
    """
    known = {field.name.upper(): field for field in fields(Conf)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise ImproperlyConfigured(f"JOBS[{key!r}] is not a setting. Known: {sorted(known)}.")
        values[key.lower()] = _converted(key, value, str(known[key].type))
    return Conf(**values)


def _converted(key: str, value: Any, annotation: str) -> Any:
    if annotation.startswith("tuple"):
        return _texts(key, value)
    to_type = {"str": str, "Path": Path, "float": float, "int": int}[annotation]
    try:
        return to_type(value)
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(
            f"JOBS[{key!r}] must be of type {to_type.__name__}, not {value!r}."
        ) from error


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ImproperlyConfigured(f"JOBS[{key!r}] must be a list of texts, not {value!r}.")
