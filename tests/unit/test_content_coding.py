"""Compressed bodies are taken apart in small pieces, and never beyond their limit."""

from __future__ import annotations

import gzip
import zlib

import pytest

from jobs.api.content_coding import MOST_MEMBERS, PIECE, gunzipped
from jobs.api.problems import ApiError
from jobs.errors import TooLarge

LIMIT = 10 * PIECE
TEXT = bytes(range(256)) * 1000


def pieces_of(data: bytes, step: int, limit: int = LIMIT) -> list[bytes]:
    chunks = (data[first : first + step] for first in range(0, len(data), step))
    return list(gunzipped(chunks, "body", limit))


@pytest.mark.parametrize("step", [1, 7, 1000, 10**9])
def test_what_was_compressed_comes_out(step: int) -> None:
    assert b"".join(pieces_of(gzip.compress(TEXT), step)) == TEXT
    assert b"".join(pieces_of(gzip.compress(b"x" * LIMIT), step)) == b"x" * LIMIT
    several = gzip.compress(b"one,") + gzip.compress(b"") + gzip.compress(b"two")
    assert b"".join(pieces_of(several, step)) == b"one,two"
    assert pieces_of(gzip.compress(b""), step) == []


@pytest.mark.parametrize("step", [7, 10**9])
def test_of_a_bomb_little_more_than_the_limit_is_made(step: int) -> None:
    bomb = gzip.compress(b"x" * 50 * LIMIT)
    made: list[int] = []
    chunks = (bomb[first : first + step] for first in range(0, len(bomb), step))
    with pytest.raises(TooLarge):
        made.extend(len(piece) for piece in gunzipped(chunks, "body", LIMIT))
    assert sum(made) <= LIMIT
    assert max(made) <= PIECE


@pytest.mark.parametrize("step", [7, 10**9])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        gzip.compress(TEXT)[:-1],
        gzip.compress(TEXT)[:20],
        gzip.compress(TEXT)[:-8] + b"\0" * 8,
        gzip.compress(TEXT) + b"more",
        zlib.compress(TEXT),
    ],
    ids=["nothing", "plain", "cut", "cut early", "sum", "more", "zlib"],
)
def test_what_is_no_gzip_is_refused(data: bytes, step: int) -> None:
    with pytest.raises(ApiError, match="is no gzip"):
        pieces_of(data, step)


def test_many_empty_files_are_refused() -> None:
    with pytest.raises(ApiError, match="gzip files in one"):
        pieces_of(gzip.compress(b"") * (MOST_MEMBERS + 1), 10**9)
