"""The configuration: one typed object made from ``settings.JOBS``, never read at import."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Conf:
    """The values of ``settings.JOBS``; the keys there are these names in upper case.

    Sizes are in bytes and times in seconds unless the name says otherwise.
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
    retention_days: float = 30.0
    server_threads: int = 8
    default_timeout: float = 1800.0
    foreign_owner: str = ""

    def __post_init__(self) -> None:
        """Validate the numbers and the level.

        Raises:
            ImproperlyConfigured: a number is not above zero (only GRACE_SECONDS may be 0), or
                ``logging`` has no such level.
        """
        levels = logging.getLevelNamesMapping()
        if self.log_level not in levels:
            raise ImproperlyConfigured(
                f"JOBS['LOG_LEVEL'] is {self.log_level!r}. Known: {', '.join(levels)}."
            )
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "grace_seconds" and value == 0:
                continue
            if isinstance(value, int | float) and not value > 0:  # true of NaN as well
                raise ImproperlyConfigured(f"JOBS[{field.name.upper()!r}] must be above zero.")

    @property
    def log_level_number(self) -> int:
        """``log_level`` as ``logging`` counts."""
        return logging.getLevelNamesMapping()[self.log_level]


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
    to_type = {"str": str, "Path": Path, "float": float, "int": int}[annotation]
    try:
        return to_type(value)
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(
            f"JOBS[{key!r}] must be of type {to_type.__name__}, not {value!r}."
        ) from error
