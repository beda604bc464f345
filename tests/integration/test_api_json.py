"""JSON that is broken, ambiguous or cannot be kept: a problem that says why, never a crash."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.api.problems import ApiError
from jobs.api.strict_json import MAX_DEPTH, parse
from jobs.models import Job
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import FREE


def body(value: str) -> bytes:
    """A request that submits a value, written as given."""
    return f'{{"task": "{FREE}", "args": {{"value": {value}}}}}'.encode()


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b" ", "broken"),
        (b"{", "broken"),
        (b'{"task": "x",}', "broken"),
        (b"{'task': 'x'}", "broken"),
        (b"\xff\xfe{}", "UTF-8 at byte 0"),
        ('{"task": "é"}'.encode("latin-1"), "UTF-8"),
        (body("NaN"), "NaN"),
        (body("-Infinity"), "-Infinity"),
        (body("1e999"), "too large"),
        (body("9" * 5000), "too many digits"),
        (b'{"task": "a", "task": "b"}', "'task' twice"),
        (body('{"a": 1, "b": 2, "a": 3}'), "'a' twice"),
        (body('"\x00"'), "broken"),
    ],
)
def test_broken_json_is_a_400_that_says_why(api: Api, data: bytes, words: str) -> None:
    response = api.post(JOBS, data)
    assert response.status_code == 400
    assert words in response.json()["detail"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        (body(nested(MAX_DEPTH)), "/args"),
        (body(nested(2_000)), "/args"),
        (body(nested(100_000)), "/args"),
        (body('{"a":' * 100_000 + "1" + "}" * 100_000), "/args"),
        (body('{"a/b": ["x", "\\ud800"]}'), "/args/value/a~1b/1"),
        (body('"\\u0000"'), "/args/value"),
        (body('{"\\udfff": 1}'), "/args/value"),
        (b'{"task": "\\ud800"}', "/task"),
        (b'{"task": "x", "unique_key": "\\u0000"}', "/unique_key"),
    ],
)
def test_unstorable_json_is_a_422_that_says_where(api: Api, data: bytes, pointer: str) -> None:
    response = api.post(JOBS, data)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "value",
    [
        '"\\ud83d\\ude00"',
        '"😀"',
        str(10**400),
        "-0.0",
        "1e-999",
        nested(MAX_DEPTH - 3),
        '"\\\\ud800"',
    ],
)
def test_unusual_json_is_stored(api: Api, value: str) -> None:
    response = api.post(JOBS, body(value))
    assert response.status_code == 202, response.content
    kept = Job.objects.get(pk=response.json()["id"])
    assert kept.kwargs["value"] == response.json()["args"]["value"] == parse(value.encode())


def test_a_byte_order_mark_is_ignored(api: Api) -> None:
    assert api.post(JOBS, b"\xef\xbb\xbf" + body("1")).status_code == 202


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FEW = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    status = 200
    try:
        parse(data)
    except ApiError as refused:
        status = refused.kind.status
    assert status in {200, 400, 422}


@FEW
@given(value=JSON)
def test_any_body_gets_a_documented_response(api: Api, value: Any) -> None:
    assert api.post(JOBS, value).status_code in {404, 422}


@FEW
@given(
    value=st.dictionaries(
        st.sampled_from(
            ["task", "args", "queue", "priority", "run_after", "max_attempts", "unique_key"]
        ),
        JSON | st.just(FREE),
    )
)
def test_any_members_get_a_documented_response(api: Api, value: Any) -> None:
    assert api.post(JOBS, value).status_code in {202, 200, 404, 422}


@FEW
@given(value=JSON)
def test_any_accepted_value_comes_back_unchanged(api: Api, value: Any) -> None:
    response = api.submit(FREE, args={"value": value})
    if response.status_code == 202:
        assert response.json()["args"]["value"] == value
    else:
        assert response.status_code == 422
