"""How a call of the API is described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from jobs.api import problems as p
from jobs.api.problems import Kind

from .pieces import PARAMETERS

JSON: Final = "application/json"
TEXT: Final = "text/plain"
BYTES: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: what it means, its body (a schema's name) and its headers."""

    meaning: str
    schema: str | None = None
    headers: tuple[str, ...] = ()
    media_type: str = JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method of one address.

    ``parameters`` names components; ``body`` is a media type; ``problems`` lists those beyond
    the ones that any call can meet.
    """

    id: str
    method: str
    path: str
    summary: str
    curl: str
    answers: Mapping[int, Answer]
    description: str = ""
    parameters: tuple[str, ...] = ()
    body: str | None = None
    problems: tuple[Kind, ...] = ()
    is_open: bool = False
    tags: tuple[str, ...] = field(default=("jobs",))

    @property
    def all_problems(self) -> list[Kind]:
        """The problems that it can meet, by status."""
        signed_in = () if self.is_open else (p.UNAUTHENTICATED,)
        unsafe = (p.CSRF,) if self.method == "post" else ()
        kinds = {*self.problems, *signed_in, *unsafe, p.METHOD_NOT_ALLOWED, p.INTERNAL}
        return [kind for kind in p.KINDS if kind in kinds or kind == p.UNAVAILABLE]

    @property
    def given(self) -> list[dict[str, Any]]:
        """Its parameters in full."""
        return [PARAMETERS[name] for name in self.parameters]


API: Final = "/api/v1"
AS_YOU: Final = 'curl -H "Authorization: Bearer $TOKEN"'


def answers(**by_status: Answer) -> Mapping[int, Answer]:
    """Return the good answers by status: ``answers(s200=...)``."""
    return MappingProxyType({int(name[1:]): answer for name, answer in by_status.items()})
