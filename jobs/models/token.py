"""API tokens: shown once, stored as a hash."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from jobs.core.users import is_active, user_with_key

from .user_key import cascade

if TYPE_CHECKING:
    from django.contrib.auth.models import User

PREFIX = "jd_"


def token_digest(text: str) -> str:
    """Return the hash of a token that is stored in its place (hex).

    One round of SHA-256 is enough here: a token has 256 random bits, so that guessing fails without
    the stretching that a password needs (NIST SP 800-63B, 5.1.2: look-up secrets of 112 bits or
    more may be hashed once).
    """
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class TokenManager(models.Manager["Token"]):
    """Issues and finds tokens."""

    def issue(self, user: User, name: str = "") -> tuple[Token, str]:
        """Create a token for a user; return the row and the text, which is not stored anywhere."""
        text = PREFIX + secrets.token_urlsafe(32)
        # By its key: Django refuses to assign a user of another database.
        return self.create(user_id=user.pk, name=name, digest=token_digest(text)), text

    def find(self, text: str) -> Token | None:
        """Return the token with this text; None if unknown or the user may not sign in."""
        token = self.filter(digest=token_digest(text)).first()
        if token is None or not is_active(user_with_key(token.user_id)):
            return None
        return token


class Token(models.Model):
    """A token for the API; requests with it are made as its user."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=cascade,
        related_name="job_tokens",
        db_constraint=False,
    )
    name = models.CharField(max_length=100, default="", blank=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    objects = TokenManager()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name or f"token {self.pk}"
