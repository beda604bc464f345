"""The public message: the code, its JSON schema and the documentation say the same."""

from __future__ import annotations

import json
import uuid
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.brokers.message import MESSAGE_SCHEMA, BadMessage, JobMessage, read, wakeup_body
from jobs.core.uuid7 import uuid7
from tests.consumers import ROOT

ID = "01977f3e-7c4b-7e2a-9d31-0a4d1c2b3a4f"
LIMIT = 10_000

GOOD = [
    {"job_id": ID},
    {"job_id": ID.upper()},
    {"job_id": ID, "task": "webapp.square", "args": {"n": 7}},
    {"job_id": ID, "task": "webapp.square", "args": {}},
]
BAD: Any = [
    None,
    [],
    "text",
    7,
    {},
    {"job_id": 7},
    {"job_id": ID.replace("-", "")},
    {"job_id": str(uuid.uuid4())},
    {"job_id": ID, "task": "webapp.square"},
    {"job_id": ID, "args": {}},
    {"job_id": ID, "task": "", "args": {}},
    {"job_id": ID, "task": "x" * 201, "args": {}},
    {"job_id": ID, "task": 7, "args": {}},
    {"job_id": ID, "task": None, "args": None},
    {"job_id": ID, "task": "webapp.square", "args": [7]},
    {"job_id": ID, "extra": {}},
    {"job_id": ID, "extra": {"can_not_json_serializable_keys": ["args"]}, "args": "gASVAAAA"},
]


def _fits(value: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(MESSAGE_SCHEMA).is_valid(value))


def _reads(value: Any) -> bool:
    try:
        read(json.dumps(value).encode(), LIMIT)
    except BadMessage:
        return False
    return True


@pytest.mark.parametrize("value", GOOD)
def test_the_code_and_the_schema_take_what_fits(value: Any) -> None:
    assert _fits(value)
    assert _reads(value)


@pytest.mark.parametrize("value", BAD)
def test_the_code_and_the_schema_refuse_what_does_not(value: Any) -> None:
    assert not _fits(value)
    assert not _reads(value)


VALUES: Any = st.sampled_from([ID, None, 7, "", "a", {}, {"a": None}, []])


@given(st.dictionaries(st.sampled_from(["job_id", "task", "args", "extra"]), VALUES))
def test_the_code_and_the_schema_agree(value: Any) -> None:
    assert _fits(value) == _reads(value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "no field 'body'"),
        (b"x" * (LIMIT + 1), "over the limit"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 9_000, "nested too deeply|no JSON"),
        (b"{", "no JSON"),
        (b'{"job_id": NaN}', "NaN is no number"),
        (b'{"job_id": "7"}', "no UUID of version 7"),
        (b"7" * 5_000, "no JSON"),
        (json.dumps({"job_id": ID + "\n"}).encode(), "no UUID of version 7"),
    ],
)
def test_what_is_wrong_is_said(body: bytes | None, reason: str) -> None:
    with pytest.raises(BadMessage, match=reason):
        read(body, LIMIT)


def test_our_own_wake_up_is_one() -> None:
    job_id = uuid7()
    assert read(wakeup_body(job_id), LIMIT) == JobMessage(job_id)
    assert _fits(json.loads(wakeup_body(job_id)))


def test_the_documentation_prints_the_schema() -> None:
    page = (ROOT / "jobs" / "docs" / "messages.md").read_text(encoding="utf-8")
    printed = page.partition("<!-- the message's schema -->")[2].partition("```json")[2]
    assert json.loads(printed.partition("```")[0]) == MESSAGE_SCHEMA
