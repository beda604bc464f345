"""How long the writer waits before it tries again."""

from __future__ import annotations

import time
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError

from jobs.worker import writer
from jobs.worker.writer import RETRY_SECONDS, Pacer


@pytest.mark.parametrize("longest", [0.2, 60.0])
def test_the_pause_grows_as_far_as_a_lease_allows(
    monkeypatch: pytest.MonkeyPatch, longest: float
) -> None:
    """Between two tries it beats: a pause of more than a lease would be its death."""
    monkeypatch.setattr(writer, "connection", Mock())
    pacer: Any = Pacer(longest)
    for _ in range(10):
        before = time.monotonic()
        pacer.failed(OperationalError("locked"))
        after = time.monotonic()

    pause = min(longest, RETRY_SECONDS[-1])
    assert before + pause <= pacer._next <= after + pause
