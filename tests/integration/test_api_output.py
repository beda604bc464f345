"""GET /jobs/{id}/log and GET /jobs/{id}/artifacts/{name}."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.api.views import job_output
from jobs.api.views.job_output import LOG_PIECE, read_log
from jobs.core.storage import job_storage
from jobs.models import Artifact, Job, LogChunk
from tests.integration.api_client import JOBS, Api
from tests.integration.api_tasks import ADD


@pytest.fixture
def job(api: Api) -> Job:
    return Job.objects.get(pk=api.submit(ADD, args={"n": 7}).json()["id"])


def write(job: Job, *pieces: str) -> str:
    """Write pieces of log; return all of it."""
    starts = accumulate((len(piece) for piece in pieces), initial=0)
    LogChunk.objects.bulk_create(
        LogChunk(job=job, start=start, text=piece)
        for start, piece in zip(starts, pieces, strict=False)
    )
    return "".join(pieces)


def log(api: Api, job: Job, offset: int | str | None = None) -> Any:
    return api.get(f"{JOBS}/{job.pk}/log" + ("" if offset is None else f"?offset={offset}"))


def test_a_log_is_plain_text_with_the_next_offset(api: Api, job: Job) -> None:
    write(job, "first\n", "zweite ü 😀\n")
    response = log(api, job)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.content.decode() == "first\nzweite ü 😀\n"
    assert response.headers["X-Next-Offset"] == "17"


def test_an_offset_counts_characters(api: Api, job: Job) -> None:
    text = write(job, "ü😀ab", "cdef", "g")
    for offset in range(len(text) + 1):
        response = log(api, job, offset)
        assert response.content.decode() == text[offset:]
        assert response.headers["X-Next-Offset"] == str(len(text))


def test_an_empty_log_begins_at_its_beginning(api: Api, job: Job) -> None:
    response = log(api, job)
    assert (response.content, response.headers["X-Next-Offset"]) == (b"", "0")


def test_an_offset_beyond_the_end_gets_the_end(api: Api, job: Job) -> None:
    write(job, "abc", "def")
    for offset in ("7", "99999999999999999999"):
        response = log(api, job, offset)
        assert (response.content, response.headers["X-Next-Offset"]) == (b"", "6")


@pytest.mark.parametrize("offset", ["-1", "x", "1.5", "%C2%B2"])
def test_a_bad_offset_is_a_422(api: Api, job: Job, offset: str) -> None:
    assert log(api, job, offset).json()["errors"][0]["pointer"] == "/offset"


def test_one_response_is_bounded(api: Api, job: Job) -> None:
    text = write(job, "x" * (LOG_PIECE - 1), "yz" * LOG_PIECE, "end")
    seen, offset = "", 0
    while offset < len(text):
        response = log(api, job, offset)
        piece = response.content.decode()
        assert 0 < len(piece) <= LOG_PIECE
        seen += piece
        offset = int(response.headers["X-Next-Offset"])
    assert seen == text


def test_a_long_log_is_followed_in_four_reads(
    api: Api, job: Job, django_assert_num_queries: Any
) -> None:
    write(job, *["line\n"] * 200)
    with django_assert_num_queries(4):  # the token, the job, where to begin, the text
        assert len(log(api, job, 500).content) == 500


def test_a_reader_gets_across_what_is_left_out(api: Api, job: Job) -> None:
    LogChunk.objects.create(job=job, start=0, text="first\n")
    LogChunk.objects.create(job=job, start=1_000_006, text="last\n")
    note = "[1,000,000 characters are left out here: the log is over its limit]\n"
    for offset, text in ((0, f"first\n{note}last\n"), (6, f"{note}last\n"), (1_000_006, "last\n")):
        response = log(api, job, offset)
        assert response.content.decode() == text
        assert response.headers["X-Next-Offset"] == "1000011"
    assert "[1,000 characters are left out here" in log(api, job, 999_006).content.decode()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pieces=st.lists(st.text("aü😀\n", min_size=1, max_size=9)), size=st.integers(1, 7))
def test_following_the_offsets_gives_the_whole_log(
    job: Job, monkeypatch: pytest.MonkeyPatch, pieces: list[str], size: int
) -> None:
    monkeypatch.setattr(job_output, "LOG_PIECE", size)
    LogChunk.objects.all().delete()
    text = write(job, *pieces)
    seen, offset = "", 0
    while True:
        piece, following = read_log(job.pk, offset)
        if not piece:
            break
        assert following == offset + len(piece)
        seen, offset = seen + piece, following
    assert (seen, offset) == (text, len(text))


def keep(job: Job, name: str, data: bytes, content_type: str = "text/plain") -> str:
    """Keep a file with a job; return its address."""
    Job.objects.filter(pk=job.pk).update(attempt=1)
    stored = job_storage().save("artifacts/x", ContentFile(data))
    Artifact.objects.create(
        job=job, attempt=1, name=name, size=len(data), content_type=content_type, file=stored
    )
    shown: str = Api(job.owner).get(f"{JOBS}/{job.pk}").json()["artifacts"][-1]["url"]
    return shown


def test_a_file_is_an_attachment_with_nosniff(api: Api, job: Job) -> None:
    address = keep(job, "plot.svg", b"<svg/>", "image/svg+xml")
    assert address == f"{JOBS}/{job.pk}/artifacts/plot.svg"
    response = api.get(address)
    assert response.streaming
    assert response.getvalue() == b"<svg/>"
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert response.headers["Content-Disposition"] == 'attachment; filename="plot.svg"'
    assert response.headers["Content-Length"] == "6"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a b.csv", 'filename="a b.csv"'),
        ("ü.csv", "filename*=utf-8''%C3%BC.csv"),
        ("a;b=c.csv", 'filename="a;b=c.csv"'),
        ("100%.csv", 'filename="100%.csv"'),
        ("?#&.csv", 'filename="?#&.csv"'),
    ],
)
def test_any_name_is_downloaded_as_it_is(api: Api, job: Job, name: str, header: str) -> None:
    response = api.get(keep(job, name, b"x"))
    assert response.getvalue() == b"x"
    assert response.headers["Content-Disposition"] == f"attachment; {header}"


def test_a_name_cannot_break_out_of_its_header(api: Api, job: Job) -> None:
    response = api.get(keep(job, 'a"; filename="b.exe', b"x"))
    assert (
        response.headers["Content-Disposition"] == r'attachment; filename="a\"; filename=\"b.exe"'
    )
    response.close()


def test_a_file_that_is_missing(api: Api, job: Job, tmp_path: Path) -> None:
    for name in ("none.txt", "%00", "..", "%2e%2e%2fx", "x" * 9999):
        assert api.get(f"{JOBS}/{job.pk}/artifacts/{name}").status_code == 404
    address = keep(job, "lost.txt", b"x")
    (tmp_path / "files" / Artifact.objects.get().file).unlink()
    assert "no longer kept" in api.get(address).json()["detail"]
