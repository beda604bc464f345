"""A job runs and ends, whatever an error tracker or a tracer does."""

from __future__ import annotations

import importlib.util
import sys
from contextlib import AbstractContextManager
from types import ModuleType, TracebackType
from typing import Any

import pytest

from jobs.consumer import job_span
from jobs.consumer.outcomes import outcome_of_error
from jobs.consumer.watching import is_watched, watched
from jobs.core.loaded_modules import loaded
from tests.claims import make_claim

NAME = "opentelemetry.trace"


@pytest.fixture
def half_imported(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that another thread imports at this moment: it has none of its names yet."""
    spec = importlib.util.spec_from_loader(NAME, loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(spec, "_initializing", True, raising=False)
    monkeypatch.setitem(sys.modules, NAME, module)
    return module


def test_a_module_counts_once_it_is_imported_whole(half_imported: ModuleType) -> None:
    assert loaded(NAME) is None
    half_imported.__spec__._initializing = False  # type: ignore[union-attr]
    assert loaded(NAME) is half_imported


def test_what_nobody_has_imported_is_not_loaded() -> None:
    assert loaded("no.such.module") is None


def test_a_job_is_not_traced_while_the_tracer_is_imported(half_imported: ModuleType) -> None:
    assert job_span.start_span(make_claim()) is None
    assert not is_watched()


@pytest.mark.trackers
def test_a_job_is_not_traced_where_the_api_is_loaded_and_nothing_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """redis-py loads it: its spans would cost more than all else of an empty job."""
    trace = pytest.importorskip("opentelemetry.trace")
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    monkeypatch.delitem(sys.modules, "sentry_sdk", raising=False)
    for provider in (None, trace.NoOpTracerProvider()):
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
        assert not is_watched()
        assert job_span.start_span(make_claim()) is None
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", sdk.TracerProvider(shutdown_on_exit=False))
    assert is_watched()
    assert job_span.start_span(make_claim()).is_recording()


class Broken(AbstractContextManager[None]):
    """It cannot be ended."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        frames: TracebackType | None,
    ) -> None:
        raise RuntimeError("the exporter is gone")


def refuse() -> Any:
    raise AttributeError("partially initialized module")


@pytest.mark.parametrize(
    ("use_span", "said"),
    [(refuse, "it runs without"), (Broken, "the exporter is gone")],
    ids=["start", "end"],
)
def test_a_broken_tracer_is_logged_and_the_job_runs(
    use_span: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    ran = []
    with watched(make_claim(), use_span):
        ran.append(True)
    assert ran
    assert said in caplog.text


def test_a_span_that_cannot_be_ended_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    job_span.end_span(object(), outcome_of_error(make_claim(), ValueError("no")))
    assert "The span of a job could not be ended." in caplog.text
