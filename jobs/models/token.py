"""API tokens: shown once, stored as a hash."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import models
from django.utils import timezone

from jobs.core.credentials import Credential, joined_names, parse_credential
from jobs.core.users import is_active, user_with_key
from jobs.errors import Conflict

from .user_key import cascade

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PREFIX = "jd_"
OVERLAP: Final = timedelta(days=1)
"""How long a token that was replaced stays valid beside the new one."""
MOST_TOKENS: Final = 200
"""Of one user."""
EXPIRED_KEPT: Final = timedelta(days=7)
"""How long an expired token is listed at least; later it goes when its user makes another one."""


def token_digest(text: str) -> str:
    """Return the hash of a token that is stored in its place (hex).

    One round of SHA-256 is enough here: a token has 256 random bits, so that guessing fails without
    the stretching that a password needs (NIST SP 800-63B, 5.1.2: look-up secrets of 112 bits or
    more may be hashed once).
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token can do: None for every scope, every task, every queue, for ever."""

    scopes: frozenset[str] | None = None
    tasks: frozenset[str] | None = None
    queues: frozenset[str] | None = None
    expires_at: datetime | None = None

    def covers(self, other: Grant) -> bool:
        """Whether a token with the other grant can do nothing that this one cannot."""
        pairs = (
            (self.scopes, other.scopes),
            (self.tasks, other.tasks),
            (self.queues, other.queues),
        )
        if any(own is not None and (theirs is None or theirs - own) for own, theirs in pairs):
            return False
        return self.expires_at is None or (
            other.expires_at is not None and other.expires_at <= self.expires_at
        )


UNRESTRICTED: Final = Grant()


class TokenManager(models.Manager["Token"]):
    """Issues, replaces and finds tokens."""

    def issue(self, user: User, name: str = "", grant: Grant = UNRESTRICTED) -> tuple[Token, str]:
        """Create a token for a user; return the row and the text, which is not stored anywhere.

        Args:
            user: whose it is.
            name: what it is for.
            grant: what it can do.

        Raises:
            Conflict: the user has too many tokens.
        """
        # By its key: Django refuses to assign a user of another database.
        return self._create(user.pk, name, grant)

    def rotate(self, token: Token, latest: datetime | None = None) -> tuple[Token, str]:
        """Replace a token: return a new one that can do the same, for as long, and its text.

        The old one stays valid for a day at most, so that the programs which have it can be told.

        Args:
            token: the old one.
            latest: the new one ends then at the latest.

        Raises:
            Conflict: it has been replaced already or has expired, or the user has too many tokens.
        """
        if token.replaced_at is not None or token.has_expired:
            what = "has expired" if token.has_expired else "has been replaced already"
            raise Conflict(f"This token {what}.")
        now = timezone.now()
        ends = [] if latest is None else [latest]
        if token.expires_at is not None:
            ends.append(now + (token.expires_at - token.created_at))
        grant = token.grant
        issued = self._create(
            token.user_id,
            token.name,
            Grant(grant.scopes, grant.tasks, grant.queues, min(ends, default=None)),
        )
        old_end = now + OVERLAP
        if token.expires_at is not None:
            old_end = min(old_end, token.expires_at)
        token.expires_at, token.replaced_at = old_end, now
        token.save(update_fields=["expires_at", "replaced_at"])
        return issued

    def find(self, text: str) -> Token | None:
        """Return the token with this text; None if it is unknown or has expired, or its user may
        not sign in."""
        token = self.filter(digest=token_digest(text)).first()
        if token is None or token.has_expired or not is_active(user_with_key(token.user_id)):
            return None
        return token

    def _create(self, user_id: Any, name: str, grant: Grant) -> tuple[Token, str]:
        own = self.filter(user_id=user_id)
        own.filter(expires_at__lt=timezone.now() - EXPIRED_KEPT).delete()
        if own.count() >= MOST_TOKENS:
            raise Conflict(f"One user has {MOST_TOKENS} tokens at most. Revoke some of them first.")
        text = PREFIX + secrets.token_urlsafe(32)
        token = self.create(
            user_id=user_id,
            name=name,
            digest=token_digest(text),
            scopes=joined_names(grant.scopes),
            tasks=joined_names(grant.tasks),
            queues=joined_names(grant.queues),
            expires_at=grant.expires_at,
        )
        return token, text


class Token(models.Model):
    """A token for the API; requests with it are made as its user.

    ``scopes``, ``tasks`` and ``queues`` are names, separated by commas; "" for all there are.
    ``replaced_at`` is when a new token took its place: it ends a day later.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=cascade,
        related_name="job_tokens",
        db_constraint=False,
    )
    name = models.CharField(max_length=100, default="", blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.CharField(max_length=100, default="", db_default="", blank=True)
    tasks = models.TextField(default="", db_default="", blank=True)
    queues = models.TextField(default="", db_default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    replaced_at = models.DateTimeField(null=True)

    objects = TokenManager()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name or f"token {self.pk}"

    @property
    def has_expired(self) -> bool:
        """Whether it is not valid any more."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def credential(self) -> Credential:
        """What a request with it can do."""
        return parse_credential(self.pk, self.scopes, self.tasks, self.queues)

    @property
    def grant(self) -> Grant:
        """What it can do, and until when."""
        found = self.credential
        return Grant(found.scopes, found.tasks, found.queues, self.expires_at)
