"""The job: one submission of a task and its current state."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.base import ModelState
from django.db.models.expressions import RawSQL
from django.db.models.signals import post_init, pre_init
from django.utils import timezone

from jobs.core.credentials import token_limits
from jobs.core.rights import VIEW_JOBS, has_right, note_use
from jobs.core.states import FINAL, UNFINISHED, Status
from jobs.core.uuid7 import uuid7

from .user_key import set_null

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

MOST_UNFINISHED = 100_000
"""The most unfinished jobs of one status that a list looks at."""


def _literal(condition: str) -> RawSQL:
    """SQLite uses an index "WHERE status IN (...)" only for a query with the same condition."""
    return RawSQL(condition, (), output_field=models.BooleanField())  # noqa: S611  (constants)


_UNHAPPY = _literal("jobs_job.status IN ('failed', 'cancelled')")
_UNFINISHED = _literal("jobs_job.status IN ('scheduled', 'queued', 'running')")


def entity_tag(job_id: uuid.UUID, version: int) -> str:
    """Return the strong entity tag of a job (RFC 9110, section 8.8.3), without needing its row."""
    return f'"{job_id.hex}-{version}"'


def may_see(
    user: AbstractBaseUser | AnonymousUser, job_id: uuid.UUID, owner_id: Any, task: str, queue: str
) -> bool:
    """Whether a user may see a job: ``JobQuerySet.visible_to`` for one row."""
    limits = token_limits(user)
    if limits is not None and not limits.allows(task, queue):
        return False
    if owner_id is not None and owner_id == user.pk:
        return True
    if not has_right(user, VIEW_JOBS):
        return False
    note_use(user, VIEW_JOBS, "view", f"job={job_id}", owner_id)
    return True


class JobQuerySet(models.QuerySet["Job"]):
    """Queries for jobs."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> JobQuerySet:
        """Return the jobs that a user may see: their own, or everybody's to who has that right; of
        those the ones that a token is limited to."""
        found = self
        limits = token_limits(user)
        if limits is not None and limits.tasks is not None:
            found = found.filter(task__in=limits.tasks)
        if limits is not None and limits.queues is not None:
            found = found.filter(queue__in=limits.queues)
        if has_right(user, VIEW_JOBS):
            note_use(user, VIEW_JOBS, "list")
            return found
        return found.filter(owner_id=user.pk) if user.pk is not None else self.none()

    def in_versions(self, versions: Collection[int] | None) -> JobQuerySet:
        """Return the jobs that are in one of these versions; all of them for None."""
        return self if versions is None else self.filter(version__in=versions)

    def in_slot(self, slot: str) -> JobQuerySet:
        """Return the unfinished job that occupies a unique slot, if there is one."""
        return self.filter(_UNFINISHED, unique_slot=slot)

    def in_slots(self, slots: Collection[str]) -> JobQuerySet:
        """Return the unfinished jobs that occupy one of these unique slots."""
        return self.filter(_UNFINISHED, unique_slot__in=slots)

    def with_status(self, status: str) -> JobQuerySet:
        """Return the jobs of one status, by a query for which SQLite uses a partial index.

        Without this a list ordered by id would scan the whole table, from the newest, to find the
        few jobs that are running.
        """
        if status in UNFINISHED:
            return self.filter(
                pk__in=Job.objects.filter(status=status).order_by().values("pk")[:MOST_UNFINISHED]
            )
        if status in FINAL - {Status.SUCCEEDED}:
            # The condition of the index comes second: SQLite searches by the first one, and would
            # read the jobs of both statuses (55 ms for 980 cancelled beside 100,000 failed).
            return self.filter(status=status).filter(_UNHAPPY)
        return self.filter(status=status)

    def all_with_status(self, status: str) -> JobQuerySet:
        """Return all jobs of one status, however many; a partial index may be used for it.

        For going through them by their ids, not for a page of the newest.
        """
        if status in UNFINISHED:
            return self.filter(_literal(f"jobs_job.status = '{Status(status).value}'"))
        return self.with_status(status)

    def waiting_in(self, queue: str) -> JobQuerySet:
        """Return the queued jobs of a queue, in the order in which they are claimed."""
        waiting = self.filter(status=Status.QUEUED, queue=queue)
        return waiting.order_by("-priority", "fair_position", "id")


class Job(models.Model):
    """One submission of a task.

    ``args`` and ``kwargs`` are the positional and named arguments, as in Django's ``TaskResult``.
    ``attempt`` is incremented by every claim and fences every write of a running attempt.
    ``failures`` counts against ``max_attempts``; ``lost_count`` counts attempts whose consumer
    died, which do not. ``fair_position`` orders the jobs of one queue and priority so that owners
    take turns (see ``lifecycle.sql``). ``version`` is incremented by every change of the row and is
    its ETag. ``timeout`` is in seconds, ``log_size`` in characters. ``traceparent`` names the span
    of the submission, as W3C Trace Context has it; ``request_id`` is the ``X-Request-Id`` of its
    request. ``feed_position`` is where the job is in the
    results feed since it ended last (see ``lifecycle.feed_position``); a retry leaves it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    task = models.CharField(max_length=200)
    module_path = models.CharField(max_length=300, default="", blank=True)
    queue = models.CharField(max_length=100, default="default")
    priority = models.SmallIntegerField(default=0)
    fair_position = models.BigIntegerField(default=0)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)

    args = models.JSONField(default=list)
    kwargs = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    error_type = models.CharField(max_length=200, default="", blank=True)
    error_message = models.TextField(default="", blank=True)
    progress_done = models.FloatField(null=True)
    progress_total = models.FloatField(null=True)
    progress_message = models.CharField(max_length=300, default="", blank=True)
    progress_stage = models.JSONField(null=True)
    warnings = models.JSONField(null=True)

    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    lost_count = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    timeout = models.FloatField(null=True)
    consumer_id = models.UUIDField(null=True)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=set_null,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    unique_key = models.CharField(max_length=200, default="", blank=True)
    # NULL, not "": unique constraints ignore NULL, so that jobs without a key do not conflict.
    unique_slot = models.CharField(max_length=64, null=True)  # noqa: DJ001
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001
    idempotency_digest = models.CharField(max_length=64, default="", blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    run_after = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    cancelled_by = models.CharField(max_length=150, default="", blank=True)
    log_size = models.PositiveIntegerField(default=0)
    # NULL, not "": most jobs have none, and their rows stay as they were.
    traceparent = models.CharField(max_length=55, null=True)  # noqa: DJ001
    request_id = models.CharField(max_length=128, null=True)  # noqa: DJ001
    feed_position = models.BigIntegerField(null=True)
    version = models.PositiveIntegerField(default=1)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            # The queue itself: a claim reads its entries in this order.
            models.Index(
                "queue",
                models.F("priority").desc(),
                "fair_position",
                "id",
                name="jobs_job_waiting",
                condition=Q(status="queued"),
            ),
            # For the last queued position of an owner, which each submission reads.
            models.Index(
                fields=["queue", "priority", "owner", "fair_position"],
                name="jobs_job_fair_position",
                condition=Q(status="queued"),
            ),
            models.Index(
                fields=["run_after"], name="jobs_job_due", condition=Q(status="scheduled")
            ),
            # For the limits of a queue and of a user; what is due at once is in neither. All jobs
            # have such a priority: only a query that says so too can use the first, and no other
            # one takes it for a shorter way to the scheduled jobs than ``jobs_job_due``.
            models.Index(
                fields=["queue", "owner"],
                name="jobs_job_later",
                condition=Q(status="scheduled", priority__gte=-100),
            ),
            models.Index(
                fields=["owner"],
                name="jobs_job_later_owner",
                condition=Q(status="scheduled", owner__isnull=False),
            ),
            models.Index(
                fields=["consumer_id"], name="jobs_job_running", condition=Q(status="running")
            ),
            # People search for failed and cancelled jobs, which are rare. Most jobs have succeeded:
            # those are found quickly by scanning the ids.
            models.Index(
                fields=["status", "id"],
                name="jobs_job_unhappy",
                condition=Q(status__in=["failed", "cancelled"]),
            ),
            # Lists of the jobs with one error. Most jobs have none: it costs them nothing.
            models.Index(
                fields=["error_type", "id"],
                name="jobs_job_error",
                condition=~Q(error_type=""),
            ),
            models.Index(
                fields=["finished_at"],
                name="jobs_job_finished",
                condition=Q(finished_at__isnull=False),
            ),
            # The results feed: a page of it is read in this order.
            models.Index(
                fields=["feed_position", "id"],
                name="jobs_job_feed",
                condition=Q(feed_position__isnull=False),
            ),
            models.Index(fields=["owner", "id"], name="jobs_job_owner"),
            models.Index(fields=["task", "id"], name="jobs_job_task"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["unique_slot"],
                name="jobs_job_one_unfinished",
                condition=Q(
                    unique_slot__isnull=False, status__in=["scheduled", "queued", "running"]
                ),
            ),
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                name="jobs_job_idempotency",
                condition=Q(idempotency_key__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.id}"

    @classmethod
    def new(cls, **given: Any) -> Self:
        """Return an unsaved job with these columns and the defaults of all others.

        Django's constructor looks up each default again and sets one attribute after the other,
        which is a quarter of the cost of a submission beside its statement. It is used where
        receivers are connected to the signals that it sends.

        Args:
            given: values by column; ``id``, ``args``, ``kwargs`` and ``created_at`` are required.
        """
        columns = {**_defaults(), **given}
        if pre_init.has_listeners(cls) or post_init.has_listeners(cls):
            return cls(*columns.values())
        job = cls.__new__(cls)
        job.__dict__ = columns
        job._state = ModelState()
        return job

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended; only a retry can queue it again."""
        return self.status in FINAL

    @property
    def is_unfinished(self) -> bool:
        """Whether the job is scheduled, queued or running."""
        return self.status in UNFINISHED

    @property
    def percent(self) -> float | None:
        """The progress in percent, 0 to 100; None when the task has not reported a total.

        A job that has succeeded is at 100, whatever its task reported last.
        """
        if self.progress_done is None:
            return None
        if self.status == Status.SUCCEEDED:
            return 100.0
        if not self.progress_total:
            return None
        return max(0.0, min(100.0, 100.0 * self.progress_done / self.progress_total))

    @property
    def progress(self) -> dict[str, Any] | None:
        """The progress that the task last reported, as the API shows it; None if it has not."""
        if self.progress_done is None:
            return None
        percent = self.percent
        return {
            "done": self.progress_done,
            "total": self.progress_total,
            "percent": None if percent is None else round(percent, 1),
            "message": self.progress_message or None,
            "stage": self.progress_stage,
        }

    @property
    def etag(self) -> str:
        """A strong entity tag, which changes whenever the row does."""
        return entity_tag(self.id, self.version)


@cache
def _defaults() -> dict[str, Any]:
    """The defaults of all columns in order; None for those whose default differs for each job."""
    different = {"id", "args", "kwargs", "created_at"}
    return {
        field.attname: None if field.name in different else field.get_default()
        for field in Job._meta.concrete_fields
    }
