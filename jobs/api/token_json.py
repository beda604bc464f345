"""A token as JSON: ``schemas.Token`` lists the members."""

from __future__ import annotations

from collections.abc import Iterable

from jobs.core.credentials import SCOPES
from jobs.models import Token
from jobs.queries.job_fields import utc_text

from . import schemas
from .auth import Caller


def token_json(token: Token, caller: Caller) -> schemas.Token:
    """Return a token as the API shows it."""
    grant = token.grant
    credential = caller.credential
    return {
        "id": token.pk,
        "name": token.name,
        "scopes": [one for one in SCOPES if grant.scopes is None or one in grant.scopes],
        "tasks": _sorted(grant.tasks),
        "queues": _sorted(grant.queues),
        "created_at": utc_text(token.created_at),
        "expires_at": None if token.expires_at is None else utc_text(token.expires_at),
        "last_used_at": None if token.last_used_at is None else utc_text(token.last_used_at),
        "replaced": token.replaced_at is not None,
        "current": credential is not None and credential.token_id == token.pk,
    }


def _sorted(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)
