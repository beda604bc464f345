"""JSON that is broken, ambiguous or cannot be kept: an answer in words, never a crash."""

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
    """A request that hands in a value, as it is written."""
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
def test_what_is_no_json_is_a_400_that_says_why(api: Api, data: bytes, words: str) -> None:
    answer = api.post(JOBS, data)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]
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
def test_what_cannot_be_kept_is_a_422_that_says_where(api: Api, data: bytes, pointer: str) -> None:
    answer = api.post(JOBS, data)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
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
def test_what_is_unusual_but_json_is_kept(api: Api, value: str) -> None:
    answer = api.post(JOBS, body(value))
    assert answer.status_code == 202, answer.content
    kept = Job.objects.get(pk=answer.json()["id"])
    assert kept.kwargs["value"] == answer.json()["args"]["value"] == parse(value.encode())


def test_a_byte_order_mark_is_passed_over(api: Api) -> None:
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
def test_any_body_gets_an_answer_that_the_document_foretells(api: Api, value: Any) -> None:
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
def test_any_members_get_an_answer_that_the_document_foretells(api: Api, value: Any) -> None:
    assert api.post(JOBS, value).status_code in {202, 200, 404, 422}


@FEW
@given(value=JSON)
def test_any_value_that_is_taken_comes_back_as_it_was(api: Api, value: Any) -> None:
    answer = api.submit(FREE, args={"value": value})
    if answer.status_code == 202:
        assert answer.json()["args"]["value"] == value
    else:
        assert answer.status_code == 422
