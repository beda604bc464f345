"""Files of the client: uploads that are resumed, downloads that go on where they broke."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest

from jobs import client
from jobs.client import downloads
from jobs.client.effects import Request
from jobs.client.uploads import PIECE, upload
from tests.unit.client_world import LOST, SITE, World, answer, problem

LARGE = bytes(range(256)) * (2 * PIECE // 256) + b"end"


class Tus:
    """An upload on a site that keeps what it is sent.

    Args:
        faults: by the number of a PATCH: how much of it is kept, and what is answered.
    """

    def __init__(self, faults: dict[int, tuple[int, Any]] | None = None) -> None:
        self.faults = faults or {}
        self.kept = b""
        self.patches = 0
        self.world = World(self.reply)

    def reply(self, request: Request) -> Any:
        if request.method == "POST":
            return answer(201, {"id": "u1", "name": "n", "size": len(LARGE)})
        if request.method == "HEAD":
            return answer(200, b"", upload_offset=str(len(self.kept)))
        self.patches += 1
        assert request.headers["Upload-Offset"] == str(len(self.kept))
        count, reply = self.faults.get(self.patches, (PIECE, None))
        self.kept += request.content[:count]
        return reply or answer(204, b"", upload_offset=str(len(self.kept)))


@pytest.mark.parametrize(
    "faults",
    [
        {},
        {1: (0, LOST)},
        {1: (1000, LOST), 2: (PIECE, LOST)},
        {2: (PIECE, problem(409))},
        {2: (0, problem(409)), 3: (0, problem(423, retry_after=1)), 4: (7, problem(503))},
    ],
)
def test_a_large_file_goes_in_pieces_and_on_where_it_was(faults: Any, tmp_path: Path) -> None:
    path = tmp_path / "Größe.log"
    path.write_bytes(LARGE)
    tus = Tus(faults)
    assert tus.world.run(upload(SITE, path))["id"] == "u1"
    assert tus.kept == LARGE
    made = tus.world.requests[0]
    assert (made.path, made.headers["Upload-Length"]) == ("uploads/resumable", str(len(LARGE)))
    name = made.headers["Upload-Metadata"].removeprefix("filename ")
    assert base64.b64decode(name).decode() == "Größe.log"
    assert max(len(request.content) for request in tus.world.requests) == PIECE


def test_an_upload_that_gets_nowhere_is_given_up() -> None:
    tus = Tus(dict.fromkeys(range(1, 200), (0, LOST)))
    with pytest.raises(client.Unavailable):
        tus.world.run(upload(SITE, io.BytesIO(LARGE), "n"))
    assert sum(tus.world.pauses) == pytest.approx(60)


def test_a_file_that_becomes_shorter() -> None:
    file = io.BytesIO(LARGE)
    tus = Tus()
    tus.faults[1] = (PIECE, None)
    real = tus.reply

    def reply(request: Request) -> Any:
        file.truncate(PIECE)
        return real(request)

    tus.world = World(reply)
    with pytest.raises(OSError, match="shorter"):
        tus.world.run(upload(SITE, file, "n"))


def test_a_file_that_cannot_be_sought_is_copied() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: Any) -> int:
            raise io.UnsupportedOperation

    world = World(answer(201, {"id": "u1"}))
    assert world.run(upload(SITE, Pipe(b"data"), "n")) == {"id": "u1"}
    assert world.requests[0].content == b"data"


def download(world: World, to: Path, name: str = "a.bin") -> Path:
    return world.run(downloads.download(SITE, "j1", name, to))


TAG = {"etag": '"v1"'}


def test_a_download_goes_on_where_it_broke(tmp_path: Path) -> None:
    rest = answer(206, b"defgh", content_range="bytes 3-7/8", **TAG)
    world = World(answer(200, b"abc|cut|", **TAG), LOST, problem(503), rest)
    to = tmp_path / "here.bin"
    to.write_bytes(b"what was there before")
    assert download(world, to) == to
    assert to.read_bytes() == b"abcdefgh"
    assert [path.name for path in tmp_path.iterdir()] == ["here.bin"]
    assert "Range" not in world.requests[0].headers
    for request in world.requests[1:]:
        assert (request.headers["Range"], request.headers["If-Range"]) == ("bytes=3-", '"v1"')
    assert world.requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "again",
    [
        answer(200, b"ABCDEFGH", etag='"v2"'),
        answer(206, b"ABCDEFGH", content_range="bytes 0-7/8"),
    ],
)
def test_or_begins_again_where_the_site_sends_all(again: Any, tmp_path: Path) -> None:
    world = World(answer(200, b"abcdefghijk|cut|", **TAG), again)
    assert download(world, tmp_path).read_bytes() == b"ABCDEFGH"


def test_without_a_strong_tag_nothing_is_resumed(tmp_path: Path) -> None:
    for tag in ({}, {"etag": 'W/"v1"'}):
        world = World(answer(200, b"abc|cut|", **tag), answer(200, b"abcd"))
        assert download(world, tmp_path).read_bytes() == b"abcd"
        assert "Range" not in world.requests[1].headers


def test_a_download_that_gets_no_further_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(client.Unavailable):
        download(World(answer(200, b"abc|cut|")), tmp_path)
    with pytest.raises(client.NotFound):
        download(World(problem(404)), tmp_path)
    assert list(tmp_path.iterdir()) == [], "nothing is left"


@pytest.mark.parametrize(
    ("name", "file"),
    [("../../etc/x", "_.._etc_x"), ("..", "file"), ("a:b?.csv", "a_b_.csv"), ("ü.txt", "ü.txt")],
)
def test_in_a_folder_it_has_a_name_of_every_system(name: str, file: str, tmp_path: Path) -> None:
    world = World(answer(200, b"data"))
    assert download(world, tmp_path, name) == tmp_path / file
    assert "/" not in world.requests[0].path.removeprefix("jobs/j1/artifacts/")
