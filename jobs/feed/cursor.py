"""A cursor: where a reader of the feed is, as text that is of no interest to them.

It stays good when the database is moved, restored or replaced by its standby, as positions do.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
import time
import uuid
from dataclasses import dataclass
from typing import Final, Self

from jobs.conf import get_conf
from jobs.errors import JobsError

_FORM: Final = struct.Struct(">q16sI")
"""Position, id, and the seconds since 1970 of the time up to which the reader has seen all."""
_CHECK_BYTES: Final = 5
_TEXT: Final = re.compile(r"[A-Za-z0-9_-]{44}")
_DAY: Final = 86_400
_NOBODY: Final = uuid.UUID(int=0)


class BadCursor(JobsError):
    """This is no cursor of a results feed."""


class StaleCursor(JobsError):
    """What has ended after this cursor may have been deleted by now."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the feed: after the job with this position and id.

    Attributes:
        position: the job's position.
        job_id: its id, for the jobs of one transaction have one position.
        seen_until: seconds since 1970: all that ended before has been seen.
    """

    position: int
    job_id: uuid.UUID
    seen_until: int

    @classmethod
    def start(cls) -> Self:
        """Return the place before the oldest job that is kept."""
        return cls(0, _NOBODY, int(time.time()))

    def __str__(self) -> str:
        packed = _FORM.pack(self.position, self.job_id.bytes, self.seen_until)
        return base64.urlsafe_b64encode(packed + _check(packed)).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """Return the cursor that a reader sends back.

    Raises:
        BadCursor: it is none.
        StaleCursor: it is older than jobs are kept.
    """
    cursor = _unpack(text)
    days = get_conf().retention_days
    if cursor.seen_until < time.time() - days * _DAY:
        raise StaleCursor(
            f"This cursor is older than finished jobs are kept ({days:g} days): some that ended "
            "after it may have been deleted. Without a cursor the feed begins with the oldest job "
            "that is kept."
        )
    return cursor


def _unpack(text: str) -> Cursor:
    refused = BadCursor("This is no cursor of the results feed. Send `next` of the last page.")
    if not _TEXT.fullmatch(text):
        raise refused
    try:
        whole = base64.b64decode(text, b"-_", validate=True)
    except binascii.Error:
        raise refused from None
    packed, check = whole[: _FORM.size], whole[_FORM.size :]
    if check != _check(packed):
        raise refused
    position, key, seen_until = _FORM.unpack(packed)
    if position < 0:
        raise refused
    return Cursor(position, uuid.UUID(bytes=key), seen_until)


def _check(packed: bytes) -> bytes:
    """Against typing errors and truncation: a cursor is no secret, and gives no right."""
    return hashlib.blake2b(packed, digest_size=_CHECK_BYTES).digest()
