"""The functions of ``jobs.testing`` on one object, for the mixin and the fixture."""

from __future__ import annotations

from typing import Any

from .assertions import assert_enqueued, assert_not_enqueued
from .clock import travel
from .drain_queue import drain
from .enqueued_jobs import enqueued
from .files import make_upload, read_artifact, read_log
from .perform_task import perform
from .runner import cancel_requested


class Helpers:
    """``jobs.testing.drain`` and the others, under their own names."""

    drain = staticmethod(drain)
    enqueued = staticmethod(enqueued)
    perform: Any = staticmethod(perform)  # mypy has no type for a static method of overloads
    travel = staticmethod(travel)
    make_upload = staticmethod(make_upload)
    read_log = staticmethod(read_log)
    read_artifact = staticmethod(read_artifact)
    cancel_requested = staticmethod(cancel_requested)
    assert_enqueued = staticmethod(assert_enqueued)
    assert_not_enqueued = staticmethod(assert_not_enqueued)
