"""Messages from other programs: recorded as jobs, once; invalid ones are quarantined."""

from __future__ import annotations

import logging
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone

from jobs.brokers.base import ReceivedMessage
from jobs.brokers.message import BadMessage, JobMessage, read
from jobs.catalog.json_arguments import JsonArguments
from jobs.conf import get_conf
from jobs.core.database_faults import fault_of, one_line, reconnect_after
from jobs.core.db import connection
from jobs.core.jsonutils import clean
from jobs.core.users import find_user
from jobs.core.uuid7 import uuid7_time
from jobs.errors import LimitReached, Refused, Unavailable
from jobs.models import Job, QuarantinedMessage
from jobs.submission import SubmitOptions, submit_job

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger("jobs")

MAX_SHOWN: Final = 4096
CLOCK_SKEW: Final = timedelta(minutes=5)
_waiting: Final = set[str]()
"""The queues whose next message could not be recorded when it was last read."""


def ingest(queue: str, broker: str, received: ReceivedMessage) -> bool:
    """Read a message and record its job, or quarantine it.

    Returns:
        False when nothing was recorded and the message must be read again later: the database
        cannot be used or written, or a limit is reached.
    """
    try:
        _record_or_quarantine(queue, broker, received)
    except Exception as error:
        if not (isinstance(error, Unavailable | LimitReached) or fault_of(error) is not None):
            raise
        # The message is read again every second: the first time says why it waits.
        if queue not in _waiting:
            logger.warning("A message in %s must wait: %s", queue, one_line(error))
        _waiting.add(queue)
        connection().close_if_unusable_or_obsolete()
        reconnect_after(error)
        return False
    if queue in _waiting:
        _waiting.discard(queue)
        logger.warning("Messages in %s are recorded again.", queue)
    return True


def _record_or_quarantine(queue: str, broker: str, received: ReceivedMessage) -> None:
    try:
        message = read(received.body, get_conf().max_body)
        if message.task is not None:
            _record(queue, message)
    except (Unavailable, LimitReached):
        raise
    except (BadMessage, Refused) as error:
        _quarantine(queue, broker, received, str(error))
    except Exception as error:
        if fault_of(error) is not None:
            raise
        # A message that meets a bug of ours must not keep the next one waiting.
        logger.exception("A message in %s could not be read.", queue)
        _quarantine(queue, broker, received, f"{type(error).__name__}: {error}")


def _record(queue: str, message: JobMessage) -> None:
    if Job.objects.filter(pk=message.job_id).exists():
        return  # sent again: its task and arguments are those of the first
    _require_recent(message.job_id)
    submit_job(
        message.task or "",
        JsonArguments(message.args or {}),
        owner=_owner(),
        options=SubmitOptions(queue=queue, job_id=message.job_id),
        enforce_limits=True,
    )


def _require_recent(job_id: uuid.UUID) -> None:
    """Refuse a message whose job may have run and been deleted after the retention."""
    made = uuid7_time(job_id)
    now = timezone.now()
    if made is None or made > now + CLOCK_SKEW:
        raise BadMessage("job_id was made in the future")
    if made < now + CLOCK_SKEW - timedelta(days=get_conf().retention_days):
        raise BadMessage("job_id is older than jobs are kept")


def _owner() -> AbstractBaseUser:
    name = get_conf().foreign_owner
    owner: AbstractBaseUser | None = find_user(name) if name else None
    if owner is None:
        raise BadMessage("JOBS_FOREIGN_OWNER names no user who would own the job")
    return owner


def _quarantine(queue: str, broker: str, received: ReceivedMessage, reason: str) -> None:
    shown = (received.body if received.body is not None else received.shown)[:MAX_SHOWN]
    QuarantinedMessage.objects.create(
        queue=queue,
        broker=broker,
        reason=clean(reason)[:300],
        body=clean(shown.decode("utf-8", "backslashreplace")),
    )
    # Only now: a message that cannot be put there yet is read again.
    logger.warning("A message in %s was quarantined: %s", queue, reason)
