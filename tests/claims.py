"""Claims for tests that have no database."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from jobs.lifecycle import Claim


def make_claim(*, timeout: float | None = None, **fields: Any) -> Claim:
    """Return the claim of a first attempt of ``testapp.square`` in the default queue, with these
    fields."""
    claim = Claim(
        id=uuid.uuid4(),
        task="testapp.square",
        module_path="",
        queue="default",
        args=[],
        kwargs={},
        attempt=1,
        failures=0,
        lost_count=0,
        max_attempts=1,
        timeout=timeout,
        owner_id=None,
        started_at=datetime.now(UTC),
    )
    return replace(claim, **fields)
