"""How long single operations take in this process: milliseconds, the median of many calls."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.utils import timezone

from jobs import lifecycle
from jobs.models import Consumer, Job
from tests.benchmarks.run import Bench, Failed
from tests.benchmarks.timing import median_ms

SAMPLES, PAGES = 200, 40


class OperationTimes:
    """Measures each operation on the table as it is, and leaves the table unchanged."""

    def __init__(self, bench: Bench) -> None:
        settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
        self._bench = bench
        self._pages = Client()
        self._pages.force_login(User.objects.get())
        headers = bench.system.headers()
        self._api = Client(headers={"authorization": headers["Authorization"]})

    def all(self) -> dict[str, float]:
        """Return the milliseconds of each operation by name."""
        last = Job.objects.order_by("-id")[:1].get()
        submit = median_ms(lambda: self._bench.enqueue("noop", "cost"), SAMPLES)
        newest = Job.objects.order_by("-id")[:1].get()
        found = {
            "submit_ms": submit,
            "claim_ms": self._claim(),
            "poll_ms": self._poll(newest),
            "list_ms": self._page("/jobs/"),
            "list_json_ms": median_ms(lambda: self._get(self._api, "/api/v1/jobs"), PAGES),
            "page_ms": self._page(f"/jobs/{newest.id}/"),
            "dashboard_ms": self._page("/admin/"),
        }
        Job.objects.filter(id__gt=last.id).delete()
        return found

    def _claim(self) -> float:
        consumer = Consumer.objects.create(host="bench", pid=1, queues=["default"])
        claimed: list[Any] = []

        def claim() -> None:
            with transaction.atomic():
                claimed.extend(lifecycle.claim_jobs("default", 1, consumer.pk, timezone.now()))

        found = median_ms(claim, SAMPLES // 2)
        if len(claimed) < SAMPLES // 2:
            raise Failed("A claim found nothing.")
        # What was claimed of a backlog is queued again.
        Job.objects.filter(id__in=[one.id for one in claimed]).update(
            status="queued", consumer_id=None, attempt=0
        )
        consumer.delete()
        return found

    def _poll(self, job: Job) -> float:
        path = f"/api/v1/jobs/{job.id}"
        known = self._api.get(path).headers["ETag"]

        def poll() -> None:
            answer = self._api.get(path, headers={"if-none-match": known})
            if answer.status_code != 304:
                raise Failed(f"The poll was answered with {answer.status_code}.")

        return median_ms(poll, SAMPLES)

    def _page(self, path: str) -> float:
        return median_ms(lambda: self._get(self._pages, path), PAGES)

    def _get(self, client: Client, path: str) -> None:
        answer = client.get(path)
        if answer.status_code != 200:
            raise Failed(f"{path} was answered with {answer.status_code}.")
