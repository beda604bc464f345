"""Who may have a webhook, and for whose jobs."""

from __future__ import annotations

from typing import Any, Final

from jobs.core.users import is_active, is_staff
from jobs.models import Webhook
from jobs.models.webhook import EVERYONE

PERMISSION: Final = f"jobs.{EVERYONE}"


def may_have_everyones(user: Any) -> bool:
    """Whether a user may be told of everyone's jobs: staff with a permission of its own."""
    has_permission = getattr(user, "has_perm", None)
    return is_staff(user) and has_permission is not None and bool(has_permission(PERMISSION))


def why_not_received(webhook: Webhook, owner: Any) -> str:
    """Return why nothing is sent to a webhook any more, "" if it may be.

    Args:
        webhook: the webhook.
        owner: its owner, None for one who was deleted.
    """
    if not is_active(owner):
        return "Its owner may not sign in any more."
    if webhook.everyone and not may_have_everyones(owner):
        return "Its owner may not see everyone's jobs any more."
    return ""
