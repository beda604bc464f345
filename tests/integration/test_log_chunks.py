"""The log in the database: its beginning and its end stay, offsets never fall."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs import lifecycle
from jobs.lifecycle import AttemptUpdate, Claim, log_chunks
from jobs.lifecycle.log_chunks import MAX_SIZE, MAX_SKIPPED_SIZE
from jobs.models import Job, LogChunk
from jobs.queries import logs
from tests.factories import record, take_one

pytestmark = pytest.mark.django_db
LIMIT = 1000
GAP = re.compile(r"\[([\d,]+) characters are left out here: the log is over its limit\]\n")


@pytest.fixture
def claim(settings: Any) -> Claim:
    settings.JOBS = {**settings.JOBS, "MAX_LOG": LIMIT}
    record()
    return take_one()


def write(claim: Claim, text: str, skipped: int = 0, end: str = "") -> None:
    update = AttemptUpdate(claim.id, claim.attempt, log=text, skipped=skipped, log_end=end)
    with transaction.atomic():
        lifecycle.write_updates([update])


def job_of(claim: Claim) -> Job:
    return Job.objects.get(pk=claim.id)


def whole(claim: Claim) -> str:
    return "".join(logs.chunks(job_of(claim)))


def log_lines(claim: Claim, count: int) -> str:
    text = [f"line {number:04}\n" for number in range(count)]
    for line in text:
        write(claim, line)
    return "".join(text)


def test_a_log_within_its_limit_is_whole(claim: Claim) -> None:
    text = log_lines(claim, 100)
    assert len(text) == LIMIT
    assert whole(claim) == text
    assert job_of(claim).log_size == LIMIT


def test_the_middle_of_a_long_log_is_dropped_and_said(claim: Claim) -> None:
    text = log_lines(claim, 400)
    kept = whole(claim)
    assert job_of(claim).log_size == len(text)
    head, left_out, tail = GAP.split(kept)
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) >= LIMIT // 2
    assert len(tail) >= LIMIT // 2
    assert len(head) + int(left_out.replace(",", "")) + len(tail) == len(text)
    assert LogChunk.objects.count() <= LIMIT // 10 + 2


def test_one_large_update_is_kept_in_bounded_pieces(claim: Claim) -> None:
    write(claim, "a\n" * 250, 123_456, "z\n" * 250)
    write(claim, "y\n" * 5000)
    assert sum(map(len, LogChunk.objects.values_list("text", flat=True))) <= LIMIT * 1.1
    assert whole(claim).endswith("y\ny\n")
    assert job_of(claim).log_size == 500 + 123_456 + 500 + 10_000


def test_rows_and_statements_do_not_grow_with_the_log(claim: Claim) -> None:
    log_lines(claim, 200)
    rows = LogChunk.objects.count()
    with CaptureQueriesContext(connection) as queries:
        write(claim, "one more\n")
    words = [query["sql"].split()[0] for query in queries]
    assert [word for word in words if word not in ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")] == [
        "SELECT",
        "UPDATE",
        "INSERT",
        "DELETE",
    ]
    log_lines(claim, 200)
    assert LogChunk.objects.count() <= rows + 1


def test_a_short_log_costs_three_statements_and_progress_one(claim: Claim) -> None:
    with CaptureQueriesContext(connection) as queries:
        write(claim, "one\n")
        lifecycle.write_updates([AttemptUpdate(claim.id, claim.attempt, done=1.0)])
    words = [query["sql"].split()[0] for query in queries]
    assert [word for word in words if word not in ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")] == [
        "SELECT",
        "UPDATE",
        "INSERT",
        "UPDATE",
    ]


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_a_reader_gets_across_the_gap_with_offsets_that_rise(claim: Claim, size: int) -> None:
    text = log_lines(claim, 400)
    seen, offset = "", 0
    while True:
        piece = logs.read(claim.id, offset, size)
        if not piece.text:
            break
        assert piece.end > offset
        assert len(piece.text) <= max(size, 80)
        seen, offset = seen + piece.text, piece.end
    assert offset == len(text)
    assert seen == whole(claim)


def test_whoever_has_read_into_the_middle_goes_on_behind_it(claim: Claim) -> None:
    text = log_lines(claim, 400)
    offset = 1755
    piece = logs.read(claim.id, offset)
    note = GAP.match(piece.text.lstrip("\n"))
    assert note is not None
    rest = piece.text.partition("]\n")[2]
    assert text.endswith(rest)
    assert offset + int(note[1].replace(",", "")) + len(rest) == len(text)
    assert piece.end == len(text)


def test_whoever_follows_a_log_misses_nothing(claim: Claim) -> None:
    seen, offset = "", 0
    for number in range(400):
        write(claim, f"line {number:04}\n")
        piece = logs.read(claim.id, offset)
        seen, offset = seen + piece.text, piece.end
    assert seen == "".join(f"line {number:04}\n" for number in range(400))


def test_the_page_says_what_the_download_does_not_have(
    claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = log_lines(claim, 400)
    monkeypatch.setattr(logs, "TAIL", 205)
    piece = logs.tail(job_of(claim))
    assert piece.text == text[-200:]
    assert (piece.before, piece.end) == (len(text) - 200, len(text))
    gap = GAP.search(whole(claim))
    assert gap is not None
    assert piece.left_out == int(gap[1].replace(",", ""))
    monkeypatch.setattr(logs, "TAIL", 2000)  # begins in the gap
    piece = logs.tail(job_of(claim))
    assert text.endswith(piece.text)
    assert not GAP.search(piece.text)
    assert piece.before + len(piece.text) == len(text)


def test_a_log_beyond_every_bound_does_not_fail_the_job(claim: Claim) -> None:
    write(claim, "first\n", 10**12, "last\n")
    size = job_of(claim).log_size
    assert size == MAX_SKIPPED_SIZE + len("last\n")
    assert "[more than 1,073,741,818 characters are left out here" in whole(claim)
    write(claim, "", 10**12, "really last\n")
    assert whole(claim).endswith("]\nreally last\n")
    Job.objects.filter(pk=claim.id).update(log_size=MAX_SIZE - 3)
    update = AttemptUpdate(claim.id, claim.attempt, done=1.0, log="full\n")
    lifecycle.write_updates([update])
    assert (job_of(claim).progress_done, job_of(claim).log_size) == (1.0, MAX_SIZE - 3)
    write(claim, "end")
    assert job_of(claim).log_size == MAX_SIZE


def test_an_old_attempt_adds_nothing(claim: Claim) -> None:
    Job.objects.filter(pk=claim.id).update(attempt=2)
    write(claim, "late\n")
    assert whole(claim) == ""
    assert job_of(claim).log_size == 0


def test_a_flood_leaves_one_gap(claim: Claim) -> None:
    """What it wrote in between is not kept: it is neither the beginning nor the end."""
    write(claim, "a\n" * 250, 5000, "b\n" * 240)
    write(claim, "", 6000, "c\n" * 240)
    write(claim, "", 7000, "d\n" * 240)
    kept = whole(claim)
    assert kept.replace("a\n" * 250, "").replace("d\n" * 240, "") == (
        "[18,960 characters are left out here: the log is over its limit]\n"
    )


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("ab\ncd", ["ab\ncd"]),
        ("ab\ncd\n", ["ab\n", "cd\n"]),
        ("\nabcdefghijkl", ["\n", "abcde", "fghij", "kl"]),
        ("abcde\n", ["abcde", "\n"]),
    ],
)
def test_a_line_is_split_where_it_is_too_long_alone(text: str, pieces: list[str]) -> None:
    found = list(log_chunks._pieces(text, 5))
    assert [piece for _, piece in found] == pieces
    assert all(text[at:].startswith(piece) for at, piece in found)


def test_the_end_that_is_kept_is_half_of_the_limit(claim: Claim) -> None:
    for letter in "abcde":
        write(claim, letter * 300)
    kept = whole(claim)
    assert kept.startswith("a" * 300 + "b" * 200)
    assert kept.endswith("d" * 200 + "e" * 300)
