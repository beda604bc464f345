"""Whatever way a job comes in, its arguments are validated once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from jobs.catalog.signature import ArgSpec
from jobs.models import Job
from tests.integration.api_client import JOBS, Api
from tests.integration.command_output import CommandOutput
from tests.integration.form_pages import form_at
from tests.testapp import tasks

pytestmark = pytest.mark.django_db
TASK = "testapp.square"


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The arguments of each call of ``ArgSpec.validate``."""
    calls: list[Any] = []
    validate = ArgSpec.validate

    def spy(spec: ArgSpec, raw: Any) -> Any:
        calls.append(raw)
        return validate(spec, raw)

    monkeypatch.setattr(ArgSpec, "validate", spy)
    return calls


def _form(request: pytest.FixtureRequest) -> None:
    page: Client = request.getfixturevalue("page")
    assert page.post(form_at(TASK), {"n": "7"}).status_code == 303


def _api(request: pytest.FixtureRequest) -> None:
    api: Api = request.getfixturevalue("api")
    assert api.post(JOBS, {"task": TASK, "args": {"n": 7}}).status_code == 202


def _enqueue(request: pytest.FixtureRequest) -> None:
    tasks.square.enqueue(7)


def _command(request: pytest.FixtureRequest) -> None:
    assert CommandOutput("submit", TASK, "n=7").code == 0


@pytest.mark.parametrize("submit", [_form, _api, _enqueue, _command])
def test_arguments_are_validated_once(
    submit: Callable[[pytest.FixtureRequest], None],
    validated: list[Any],
    request: pytest.FixtureRequest,
) -> None:
    submit(request)
    assert Job.objects.get().kwargs == {"n": 7}
    assert len(validated) == 1


def test_a_form_that_does_not_fit_is_validated_once_too(page: Client, validated: list[Any]) -> None:
    assert page.post(form_at(TASK), {"n": "x"}).status_code == 422
    assert len(validated) == 1
    assert not Job.objects.exists()
