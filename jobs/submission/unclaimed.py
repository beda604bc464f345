"""The bytes that a user has uploaded and that no job uses yet: how many more they may upload.

Asked for each upload, when it begins and again when it is stored: so of uploads that end at the
same moment each may pass the limit by no more than the others.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Sum
from django.utils import timezone

from jobs.conf import get_conf
from jobs.core.rights import CHANGE_JOBS, has_right
from jobs.errors import LimitState, QuotaExceeded
from jobs.models import ResumableUpload, Upload

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

RETRY_AFTER: Final = 60
COUNTED: Final = timedelta(days=2)
"""An upload that no job uses is deleted after a day, by the pruner's next round. Older ones are in
use: of those a user may have very many."""


def room_for_bytes(owner: AbstractBaseUser | None, length: int = 0) -> LimitState | None:
    """Return how many bytes a user may still upload; None where there is no limit.

    Args:
        owner: the user who uploads.
        length: bytes of the upload that is about to begin, as far as they are known.

    Raises:
        QuotaExceeded: none, or not so many.
    """
    quota = get_conf().user_max_unclaimed
    if not quota or owner is None or owner.pk is None or has_right(owner, CHANGE_JOBS):
        return None
    left = quota - _unclaimed(owner.pk)
    state = LimitState("unclaimed", quota, max(0, left), unit="content-bytes")
    if left <= 0 or length > left:
        raise too_many_bytes(state)
    return state


def too_many_bytes(state: LimitState) -> QuotaExceeded:
    """Return the refusal of an upload for which there is no room."""
    why = (
        f"One user may have uploaded {state.quota:,} bytes that no job uses yet, and you have "
        f"{state.quota - state.remaining:,}. Submit the jobs that use them, or delete some."
    )
    return QuotaExceeded(why, RETRY_AFTER, [state])


def _unclaimed(key: Any) -> int:
    since = timezone.now() - COUNTED
    whole = Upload.objects.filter(owner_id=key, created_at__gt=since, uses=None)
    # An announced upload counts with all that was announced, or many could begin at once.
    begun = ResumableUpload.objects.filter(
        owner_id=key, is_complete=False, expires_at__gt=timezone.now()
    )
    return sum(
        rows.aggregate(total=Sum(column))["total"] or 0
        for rows, column in ((whole, "size"), (begun, "length"))
    )
