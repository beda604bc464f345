"""The token by which a request's user was identified: its scopes, the jobs that it is limited to.

It is kept with the user object, which is made anew for each request: whatever asks what a user may
do gets the user, so that no place can forget to ask about the token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

READ: Final = "read"
SUBMIT: Final = "submit"
OPERATE: Final = "operate"
WORK: Final = "work"
SCOPES: Final = {
    READ: "see jobs, their results, logs and files, tasks, queues and metrics",
    SUBMIT: "submit jobs and send files for them",
    OPERATE: "cancel jobs, run them again, and all else that changes something",
    WORK: "run jobs on another machine",
}
"""What each lets a token do. None of them contains another."""
_ATTRIBUTE: Final = "_jobs_credential"


@dataclass(frozen=True, slots=True)
class Credential:
    """A token: its scopes, and the tasks and queues that it is limited to; None for any."""

    token_id: int
    scopes: frozenset[str] | None = None
    tasks: frozenset[str] | None = None
    queues: frozenset[str] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether there are jobs of its user that it does not concern."""
        return self.tasks is not None or self.queues is not None

    def has_scope(self, scope: str) -> bool:
        """Whether it has a scope."""
        return self.scopes is None or scope in self.scopes

    def allows(self, task: str, queue: str) -> bool:
        """Whether it concerns a job of this task in this queue."""
        return self.allows_task(task) and (self.queues is None or queue in self.queues)

    def allows_task(self, task: str) -> bool:
        """Whether it concerns jobs of this task, in some queue."""
        return self.tasks is None or task in self.tasks


@lru_cache(maxsize=1024)
def parse_credential(token_id: int, scopes: str, tasks: str, queues: str) -> Credential:
    """Return the credential of a row. Every request with a token asks; most have no limits."""
    return Credential(token_id, _names(scopes), _names(tasks), _names(queues))


def _names(text: str) -> frozenset[str] | None:
    return frozenset(text.split(",")) if text else None


def joined_names(names: Iterable[str] | None) -> str:
    """Return names as a column has them; None, for any, is an empty text."""
    return "" if names is None else ",".join(sorted(names))


def attach(user: Any, credential: Credential) -> None:
    """Note the token by which a user was identified."""
    setattr(user, _ATTRIBUTE, credential)


def credential_of(user: Any) -> Credential | None:
    """Return the token by which a user was identified; None for a session, and in code."""
    found: Credential | None = getattr(user, _ATTRIBUTE, None)
    return found


def token_limits(user: Any) -> Credential | None:
    """Return the token by which a user was identified if it is limited to some jobs."""
    found = credential_of(user)
    return found if found is not None and found.is_limited else None
