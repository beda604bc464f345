"""The job: one submission of a task, and the truth about it."""

from __future__ import annotations

import uuid
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.base import ModelState
from django.db.models.expressions import RawSQL
from django.db.models.signals import post_init, pre_init
from django.utils import timezone

from jobs.core.states import FINAL, UNFINISHED, Status
from jobs.core.uuid7 import uuid7

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.contrib.auth.models import AnonymousUser

MOST_WAITING = 100_000


def _literally(condition: str) -> RawSQL:
    """SQLite takes an index "WHERE status IN (...)" only for a query that says the same."""
    return RawSQL(condition, (), output_field=models.BooleanField())  # noqa: S611  (constants)


_UNHAPPY = _literally("jobs_job.status IN ('failed', 'cancelled')")
_UNFINISHED = _literally("jobs_job.status IN ('scheduled', 'queued', 'running')")


def entity_tag(job_id: uuid.UUID, version: int) -> str:
    """The strong entity tag of a job (RFC 9110, section 8.8.3), also without its row."""
    return f'"{job_id.hex}-{version}"'


def may_see(user: AbstractBaseUser | AnonymousUser, owner_id: Any) -> bool:
    """Whether a user may see a job of this owner: ``JobQuerySet.visible_to`` for one row."""
    if getattr(user, "is_staff", False):
        return True
    return owner_id is not None and bool(owner_id == user.pk)


class JobQuerySet(models.QuerySet["Job"]):
    """Reading jobs."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> JobQuerySet:
        """The jobs that this user may see: staff see all, others their own."""
        if getattr(user, "is_staff", False):
            return self
        return self.filter(owner_id=user.pk) if user.pk is not None else self.none()

    def in_slot(self, slot: str) -> JobQuerySet:
        """The unfinished job that holds a unique slot, if there is one."""
        return self.filter(_UNFINISHED, unique_slot=slot)

    def with_status(self, status: str) -> JobQuerySet:
        """The jobs of one status, worded so that SQLite takes the partial index that has them.

        Ordered by id it would else walk the whole table, from the newest, for the few that run.
        """
        if status in UNFINISHED:
            return self.filter(
                pk__in=Job.objects.filter(status=status).order_by().values("pk")[:MOST_WAITING]
            )
        if status in FINAL - {Status.SUCCEEDED}:
            return self.filter(_UNHAPPY, status=status)
        return self.filter(status=status)

    def waiting_in(self, queue: str) -> JobQuerySet:
        """Return the queued jobs of a queue, in the order in which they are claimed."""
        waiting = self.filter(status=Status.QUEUED, queue=queue)
        return waiting.order_by("-priority", "fair_position", "id")


class Job(models.Model):
    """One submission of a task.

    ``attempt`` rises at every claim and fences every write of a running attempt; ``failures`` is
    the budget that counts against ``max_attempts``. ``fair_position`` orders the jobs of one
    queue and priority so that owners take turns (see ``lifecycle.sql``). ``version`` rises with
    every change of the row and is its ETag.
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

    attempt = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    lost_count = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField(default=3)
    timeout = models.FloatField(null=True)
    consumer_id = models.UUIDField(null=True)

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
    )
    unique_key = models.CharField(max_length=200, default="", blank=True)
    # NULL, not "": only so do the unique constraints leave the jobs without a key alone.
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
    version = models.PositiveIntegerField(default=1)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (
            # The queue itself: what a claim reads, in the order it takes.
            models.Index(
                "queue",
                models.F("priority").desc(),
                "fair_position",
                "id",
                name="jobs_job_waiting",
                condition=Q(status="queued"),
            ),
            # The last position that an owner has waiting: read by each submission.
            models.Index(
                fields=["queue", "priority", "owner", "fair_position"],
                name="jobs_job_fair_position",
                condition=Q(status="queued"),
            ),
            models.Index(
                fields=["run_after"], name="jobs_job_due", condition=Q(status="scheduled")
            ),
            models.Index(
                fields=["consumer_id"], name="jobs_job_running", condition=Q(status="running")
            ),
            # Rare endings are what people look for; "succeeded" is found by walking the ids.
            models.Index(
                fields=["status", "id"],
                name="jobs_job_unhappy",
                condition=Q(status__in=["failed", "cancelled"]),
            ),
            models.Index(
                fields=["finished_at"],
                name="jobs_job_finished",
                condition=Q(finished_at__isnull=False),
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
        """Return a job with these columns, the others as their defaults say; it is not saved.

        Django's own way looks up each default again, and sets one attribute after the other: a
        quarter of what a submission costs beside its statement. Who listens to it gets it.
        """
        columns = {**_blank(), **given}
        if pre_init.has_listeners(cls) or post_init.has_listeners(cls):
            return cls(*columns.values())
        job = cls.__new__(cls)
        job.__dict__ = columns
        job._state = ModelState()
        return job

    @property
    def is_finished(self) -> bool:
        """Whether the job has ended for good (unless someone asks for it again)."""
        return self.status in FINAL

    @property
    def is_unfinished(self) -> bool:
        """Whether the job waits or runs."""
        return self.status in UNFINISHED

    @property
    def percent(self) -> float | None:
        """How far the job is, 0 to 100; None when the task has not told a total."""
        if self.progress_done is None or not self.progress_total:
            return None
        return max(0.0, min(100.0, 100.0 * self.progress_done / self.progress_total))

    @property
    def progress(self) -> dict[str, Any] | None:
        """What the task last told of its progress, as the API shows it."""
        if self.progress_done is None:
            return None
        percent = self.percent
        return {
            "done": self.progress_done,
            "total": self.progress_total,
            "percent": None if percent is None else round(percent, 1),
            "message": self.progress_message or None,
        }

    @property
    def etag(self) -> str:
        """A strong entity tag: it changes whenever the row does."""
        return entity_tag(self.id, self.version)


@cache
def _blank() -> dict[str, Any]:
    """The columns of a new job in their order. What is made anew for each is given with each."""
    made = {"id", "args", "kwargs", "created_at"}
    return {
        field.attname: None if field.name in made else field.get_default()
        for field in Job._meta.concrete_fields
    }
