"""Content-Encoding: what servers send, asked or unasked, whole, damaged or far too much."""

from __future__ import annotations

import gzip
import sys
import tracemalloc
import zlib

import brotli
import pytest

from tests.unit.web_server import WebServer, page
from webapp.safe_http import FetchRefused
from webapp.safe_http.unpack import unpacked

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"hello " * 1000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "x-gzip": gzip.compress(TEXT, mtime=0),
    "GZIP": gzip.compress(TEXT, mtime=0),
    "deflate": zlib.compress(TEXT),
    "br": brotli.compress(TEXT),
    "zstd": zstd.compress(TEXT),
    "gzip, identity": gzip.compress(TEXT, mtime=0),
    "gzip, gzip": gzip.compress(gzip.compress(TEXT, mtime=0)),
    "br, gzip": gzip.compress(brotli.compress(TEXT)),
    "identity": TEXT,
    "utf-8": TEXT,  # a server's mistake, which browsers overlook
}


@pytest.mark.parametrize("encoding", PACKED)
def test_a_packed_page_is_unpacked(site: WebServer, encoding: str) -> None:
    site.replies["/"] = page(PACKED[encoding], Content_Encoding=encoding)
    assert site.get().body == TEXT


def test_deflate_without_its_frame_is_unpacked(site: WebServer) -> None:
    site.replies["/"] = page(raw_deflate(TEXT), Content_Encoding="deflate")
    assert site.get().body == TEXT


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(TEXT[:70], mtime=0) + gzip.compress(TEXT[70:], mtime=0)),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"\0" * 100),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"<!-- added behind -->"),
        ("zstd", zstd.compress(TEXT[:70]) + zstd.compress(TEXT[70:])),
    ],
    ids=["two members", "padding", "text behind", "two frames"],
)
def test_several_members_are_one_page_and_the_rest_is_left_out(encoding: str, body: bytes) -> None:
    assert unpacked(body, encoding, 10_000) == TEXT


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_an_empty_page_is_empty(encoding: str) -> None:
    assert unpacked(b"", encoding, 10) == b""


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("body", [b"x", b"not packed at all, and long enough to say so"])
def test_what_is_not_packed_as_it_says_is_refused(
    site: WebServer, encoding: str, body: bytes
) -> None:
    site.replies["/"] = page(body, Content_Encoding=encoding)
    with pytest.raises(FetchRefused, match=f"says it is packed with {encoding}, but is not"):
        site.get()


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_what_is_cut_off_is_refused(encoding: str) -> None:
    with pytest.raises(FetchRefused, match="ends too early"):
        unpacked(PACKED[encoding][:-5], encoding, 10_000)


def test_an_encoding_that_nobody_can_undo_is_named(site: WebServer) -> None:
    site.replies["/"] = page(TEXT, Content_Encoding="compress")
    with pytest.raises(FetchRefused, match="in a way that is not supported: compress"):
        site.get()


def test_a_page_is_not_unpacked_for_ever() -> None:
    with pytest.raises(FetchRefused, match="more than 5 times"):
        unpacked(b"", ", ".join(["gzip"] * 6), 10)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_a_bomb_is_stopped_at_the_limit(encoding: str) -> None:
    zeros = b"\0" * 50_000_000
    packers = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress,
               "zstd": zstd.compress}  # fmt: skip
    bomb = zeros
    for name in encoding.split(", "):
        bomb = packers[name](bomb)
    del zeros
    tracemalloc.start()
    try:
        with pytest.raises(FetchRefused, match="larger than 1,000,000 bytes"):
            unpacked(bomb, encoding, 1_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_exactly_the_limit_passes(encoding: str) -> None:
    assert len(unpacked(PACKED[encoding], encoding, len(TEXT))) == len(TEXT)
    with pytest.raises(FetchRefused, match="larger than 5,999 bytes"):
        unpacked(PACKED[encoding], encoding, len(TEXT) - 1)


def test_what_is_accepted_is_asked_for(site: WebServer) -> None:
    site.replies["/"] = page(b"x")
    site.get()
    assert site.headers[0]["Accept-Encoding"] == "gzip, deflate, br, zstd"
