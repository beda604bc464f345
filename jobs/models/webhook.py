"""What is to be sent when jobs end (webhooks and e-mails), and which endings were looked at."""

from __future__ import annotations

import secrets
import uuid
from base64 import b64encode
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from jobs.core.uuid7 import uuid7

from .job import Job
from .user_key import cascade

MAX_URL: Final = 2000
SECRET_PREFIX: Final = "whsec_"  # noqa: S105
OLD_SECRET_DAYS: Final = 1
EVERYONE: Final = "everyone_webhook"
"""The codename of the permission to have webhooks for the jobs of all users."""


def new_secret() -> str:
    """Return a secret as Standard Webhooks has it: 32 random bytes."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()


class Webhook(models.Model):
    """An address that is told when jobs of its owner end.

    ``events`` are names of ``webhooks.events``; ``task`` is "" for every task; ``everyone``: the
    jobs of all users. It is told of what ended at ``since_position`` of the results feed or later.
    ``site`` is the address of the site as its owner reached it, for the links in what is sent.
    ``failing_since``: no delivery has succeeded since then. For a day after a rotation what is sent
    is signed with ``old_secret`` as well.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=cascade,
        related_name="job_webhooks",
        db_constraint=False,
    )
    everyone = models.BooleanField(default=False)
    url = models.CharField(max_length=MAX_URL)
    events = models.JSONField(default=list)
    task = models.CharField(max_length=200, default="", blank=True)
    secret = models.CharField(max_length=100, default=new_secret, editable=False)
    old_secret = models.CharField(max_length=100, default="", editable=False)
    rotated_at = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=300, default="", blank=True)
    failing_since = models.DateTimeField(null=True)
    since_position = models.BigIntegerField(default=0)
    site = models.CharField(max_length=300, default="", blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-id",)
        permissions = ((EVERYONE, "Can have webhooks for everyone's jobs"),)
        indexes = (
            # Each second or so consumers ask whether there is any, and from where on.
            models.Index(
                fields=["since_position"], name="jobs_webhook_since", condition=Q(enabled=True)
            ),
        )

    def __str__(self) -> str:
        return self.url

    def disable(self, reason: str) -> None:
        """Have nothing more sent to it, until its owner enables it again."""
        self.enabled, self.disabled_reason = False, reason
        self.save(update_fields=["enabled", "disabled_reason"])

    @property
    def secrets(self) -> list[str]:
        """What a delivery is signed with now: the secret, and for a day the one before it."""
        kept = timedelta(days=OLD_SECRET_DAYS)
        is_kept = self.rotated_at is not None and timezone.now() - self.rotated_at < kept
        return [self.secret, self.old_secret] if is_kept and self.old_secret else [self.secret]


class WebhookDelivery(models.Model):
    """The job that sends one event to one webhook.

    ``message`` is the header ``webhook-id``: the id of the first job that was made for the event,
    which a redelivery keeps. ``subject`` is the id of the job that has ended; a test has none.
    """

    # Without constraints, here and below: older code deletes jobs and knows nothing of these rows.
    job = models.OneToOneField(
        Job,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="webhook_delivery",
        db_constraint=False,
    )
    webhook = models.ForeignKey(
        Webhook,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_constraint=False,
        db_index=False,
    )
    message = models.UUIDField(default=uuid.uuid4)
    event = models.CharField(max_length=40)
    subject = models.UUIDField(null=True)

    class Meta:
        ordering = ("-job_id",)
        verbose_name_plural = "webhook deliveries"
        indexes = (models.Index(fields=["webhook", "job"], name="jobs_delivery_webhook"),)

    def __str__(self) -> str:
        return f"{self.event} {self.message}"


class EmailRequest(models.Model):
    """The owner of a job wants an e-mail each time it ends.

    ``language`` is that of the submission; ``site`` and ``since_position`` are as a webhook's.
    """

    job = models.OneToOneField(
        Job,
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="email_request",
        db_constraint=False,
    )
    language = models.CharField(max_length=20, default="", blank=True)
    site = models.CharField(max_length=300, default="", blank=True)
    since_position = models.BigIntegerField(default=0, db_index=True)

    def __str__(self) -> str:
        return f"e-mail for {self.job_id}"


class FollowedEndings(models.Model):
    """The one row that says which endings were looked at: up to this place in the results feed.

    Whoever makes deliveries holds its lock until they are committed.
    """

    id = models.SmallIntegerField(primary_key=True, default=1)
    position = models.BigIntegerField(default=0)
    job_id = models.UUIDField(default=uuid.UUID(int=0))

    def __str__(self) -> str:
        return f"up to {self.position}"
