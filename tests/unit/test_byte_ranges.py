"""Which bytes a request asks for: RFC 9110, sections 13 and 14."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from jobs.core.byte_ranges import (
    PreconditionFailed,
    RangeNotSatisfiable,
    is_unchanged,
    requested_range,
)
from jobs.core.download import BYTES, type_of

TAG = '"abc"'


def asked(method: str = "GET", **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return RequestFactory().generic(method, "/", headers=given)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=3-", (3, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes=3-99999999999999", (3, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("Bytes = 2 - 4", (2, 5)),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=4-3", None),
        ("bytes=0-1,3-4", None),
        ("bytes=a-b", None),
        ("bytes=\u0663-", None),
        ("bytes=-1-2", None),
        ("items=0-1", None),
        (f"bytes={'9' * 5000}-", None),
    ],
)
def test_a_range(text: str, expected: tuple[int, int] | None) -> None:
    assert requested_range(asked(Range=text), 10, TAG) == expected


@pytest.mark.parametrize(
    ("text", "size"), [("bytes=10-", 10), ("bytes=10-20", 10), ("bytes=-0", 10), ("bytes=0-", 0)]
)
def test_a_range_with_nothing_in_it(text: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        requested_range(asked(Range=text), size, TAG)
    assert caught.value.headers["Content-Range"] == f"bytes */{size}"


def test_the_end_of_an_empty_file_is_all_of_it() -> None:
    assert requested_range(asked(Range="bytes=-5"), 0, TAG) is None


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_only_get_has_ranges(method: str) -> None:
    assert requested_range(asked(method, Range="bytes=0-0"), 10, TAG) is None


@pytest.mark.parametrize(
    ("text", "is_part"),
    [(TAG, True), ('"old"', False), (f"W/{TAG}", False), ("Sat, 28 Nov 2026 14:30:00 GMT", False)],
)
def test_a_part_is_sent_of_the_same_file_only(text: str, is_part: bool) -> None:
    found = requested_range(asked(Range="bytes=0-0", If_Range=text), 10, TAG)
    assert (found is not None) is is_part
    assert requested_range(asked(Range="bytes=99-", If_Range='"old"'), 10, TAG) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [(TAG, True), (f"W/{TAG}", True), (f'"x", {TAG}', True), ("*", True), ('"x"', False)],
)
def test_a_copy_that_is_the_same(text: str, expected: bool) -> None:
    assert is_unchanged(asked(If_None_Match=text), TAG) is expected
    assert is_unchanged(asked(), TAG) is False


def test_another_file_than_the_one_that_is_wanted() -> None:
    for text in ('"x"', f"W/{TAG}"):
        with pytest.raises(PreconditionFailed):
            is_unchanged(asked(If_Match=text), TAG)
    assert is_unchanged(asked(If_Match=f'"x", {TAG}'), TAG) is False


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "text/csv"),
        ("a.SVG", "image/svg+xml"),
        ("a.json", "application/json"),
        ("access.log.gz", "application/gzip"),
        ("a.csv.gz", "application/gzip"),
        ("a.tar.bz2", "application/x-bzip2"),
        ("a.csv.xz", "application/x-xz"),
        ("data:text/html,x", BYTES),
        ("none", BYTES),
        ("", BYTES),
        ("a.what", BYTES),
    ],
)
def test_the_type_of_a_file_is_that_of_its_bytes(name: str, expected: str) -> None:
    assert type_of(name) == expected
