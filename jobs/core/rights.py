"""The rights of staff: what a user may do with what belongs to others.

As in the admin, somebody has one who is staff and has Django's permission for it, or is a
superuser. Each use is a line of the log ``jobs.audit``.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

from .credentials import credential_of
from .users import is_active, is_staff, user_name

VIEW_JOBS: Final = "jobs.view_job"
CHANGE_JOBS: Final = "jobs.change_job"
VIEW_UPLOADS: Final = "jobs.view_upload"
CHANGE_QUEUES: Final = "jobs.change_queue"
CHANGE_CONSUMERS: Final = "jobs.change_consumer"
ADD_TOKENS: Final = "jobs.add_token"
CHANGE_TOKENS: Final = "jobs.change_token"
DELETE_TOKENS: Final = "jobs.delete_token"
RIGHTS: Final = (
    VIEW_JOBS,
    CHANGE_JOBS,
    VIEW_UPLOADS,
    CHANGE_QUEUES,
    CHANGE_CONSUMERS,
    ADD_TOKENS,
    CHANGE_TOKENS,
    DELETE_TOKENS,
)

_INCLUDED_IN: Final = {VIEW_JOBS: (CHANGE_JOBS,), VIEW_UPLOADS: ("jobs.change_upload",)}
"""Whoever may change something in the admin may see it there."""
_LOOKING: Final = frozenset({VIEW_JOBS, VIEW_UPLOADS})
SAID_AGAIN_AFTER: Final = 600.0
"""Seconds. A page that is open, or a program that polls, looks at one job a thousand times."""
MOST_REMEMBERED: Final = 10_000

logger = logging.getLogger("jobs.audit")


def has_right(user: Any, right: str) -> bool:
    """Whether a user has a right of staff.

    For most users it costs nothing. Of staff who are no superusers Django reads the permissions, by
    two statements a request.

    Args:
        user: who asks; a model without permissions gives nobody a right.
        right: one of ``RIGHTS``.
    """
    if not is_active(user):
        return False
    if getattr(user, "is_superuser", False):
        return True
    if not is_staff(user) or not hasattr(user, "has_perm"):
        return False
    return any(user.has_perm(one) for one in (right, *_INCLUDED_IN.get(right, ())))


def note_use(user: Any, right: str, what: str, subject: str = "", owner: object = None) -> None:
    """Write who has used a right of staff into the log ``jobs.audit``.

    A line for each change. Where nothing of somebody else's is changed, one in ten minutes a
    process for the same user, token, right and subject.

    Args:
        user: who has used it.
        right: one of ``RIGHTS``.
        what: what they did, in a word.
        subject: what it was done to, such as ``job=<id>``; "" where it is not one thing.
        owner: the key of the user whose that is.
    """
    credential = credential_of(user)
    by = "session" if credential is None else f"token:{credential.token_id}"
    is_change = bool(subject) and right not in _LOOKING
    if not is_change and not _rarely((user.pk, by, right, what, subject)):
        return
    # A name may have any characters, also those that would begin a line of its own.
    name = json.dumps(user_name(user))
    whose = f" {subject}" if subject else ""
    if owner is not None:
        whose += f" owner={json.dumps(owner, default=str)}"
    logger.info("right=%s did=%s user=%s by=%s%s", right, what, name, by, whose)


class Rarely:
    """Tells whether something was not seen for ten minutes. Any thread may call.

    Args:
        clock: seconds from any time on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._said: OrderedDict[Hashable, float] = OrderedDict()

    def __call__(self, seen: Hashable) -> bool:
        now = self._clock()
        with self._lock:
            last = self._said.get(seen)
            if last is not None and now - last < SAID_AGAIN_AFTER:
                return False
            self._said[seen] = now
            self._said.move_to_end(seen)
            if len(self._said) > MOST_REMEMBERED:
                self._said.popitem(last=False)
            return True

    def forget(self) -> None:
        """Begin anew."""
        with self._lock:
            self._said.clear()


_rarely: Final = Rarely()
