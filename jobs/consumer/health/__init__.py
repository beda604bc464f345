"""A consumer's own probe: a file that its heartbeats touch, and a port that answers.

Imports no Django: a supervisor has one, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from jobs.errors import JobsError

LOCAL: Final = "127.0.0.1"


class HealthError(JobsError):
    """The file cannot be written, or the port cannot be listened on."""


class Health(Protocol):
    """What is known of the consumers of this program. Any thread may ask."""

    def why_stuck(self) -> str:
        """Why a restart would help, in a sentence; "" while all is well."""

    def why_not_ready(self) -> str:
        """Why jobs are not taken now, in a sentence; "" while they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthOptions:
    """What ``runconsumers`` was asked for.

    Attributes:
        file: touched by each heartbeat; None for none.
        port: answers ``/healthz`` and ``/readyz``; None for none, 0 for any that is free.
        address: of the port.
    """

    file: Path | None = None
    port: int | None = None
    address: str = LOCAL
