"""``POST /jobs/bulk``: many jobs in one request, a line for each and a line back for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from typing import Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from jobs.api import problems
from jobs.api.auth import Caller
from jobs.api.bulk import Bulk, created_line
from jobs.api.idempotency import MOST, idempotency_key
from jobs.api.ndjson import NAMES, NDJSON, LineSplitter
from jobs.api.operations import COUNT, Operation, Response, header, query
from jobs.api.problems import INVALID, MEDIA_TYPE, ApiError
from jobs.api.request_body import open_body
from jobs.api.streamed_body import streamed_body
from jobs.api.submitted import SUBMISSION_PROBLEMS
from jobs.conf import get_conf
from jobs.core.credentials import SUBMIT
from jobs.core.db import connection
from jobs.core.lock_timeout import limited_lock_waits
from jobs.core.server_threads import requests_in_progress
from jobs.core.write_waits import serving
from jobs.errors import FieldError, JobsError, TooLarge
from jobs.submission.bulk import Created, PreparedJob, insert_batch

BATCH: Final = 1000
"""Lines whose jobs are inserted in one transaction, which holds SQLite's write lock."""
BESIDE_OTHERS: Final = 250
"""The same on SQLite where others were served since the last one: they wait a quarter as long for
the lock, and a line takes a tenth more CPU time."""
MOST_ATOMIC: Final = 100_000
"""Lines of ``atomic=1``: their one transaction holds SQLite's write lock meanwhile."""
MOST_DIGITS: Final = 12


@Operation(
    "submitManyJobs",
    [Response(200, "BulkLine", content_type=NDJSON)],
    [
        query("atomic", "`1`: all jobs or none. The answer comes when all are recorded."),
        query("first_line", "The number of the first line, 1 by default: to go on.", COUNT),
        header(
            "Idempotency-Key",
            "Makes the request safe to repeat: each line has this key with its own number. A line "
            "that is recorded already gets its job again, with `created` false.",
            {"type": "string", "minLength": 1, "maxLength": 240, "pattern": r"^[\x20-\x7e]*$"},
        ),
    ],
    problems=SUBMISSION_PROBLEMS,
    body=NDJSON,
    scope=SUBMIT,
    curl=f'-H "Content-Type: {NDJSON}" --data-binary @jobs.ndjson -N $URL',
)
def post_bulk(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Submit many jobs.

    A line of NDJSON for each, as ``POST /jobs`` takes it. A line of the answer for each, as it
    goes: ``line`` and the ``id`` of the job, or ``line`` and a ``problem``. A line that does not
    fit keeps no other one out. Where there is no room for more, that line and all after it get a
    problem with ``retry_after`` and ``resume_from``, the line to go on from.
    """
    if request.content_type not in NAMES:
        raise ApiError(
            MEDIA_TYPE,
            f"Send a JSON object a line, with the header Content-Type: {NDJSON}.",
            {"Accept-Post": NDJSON},
        )
    is_atomic, first_line = _is_atomic(request), _first_line(request)
    key = idempotency_key(request, MOST - MOST_DIGITS - 3)
    bulk = Bulk(request, caller.user, first_line, key)
    if is_atomic:
        chunks = open_body(request, "body", get_conf().max_upload)
        pieces = iter([_insert_all(bulk, caller, chunks)])
    else:
        pieces = _pieces(request, bulk, streamed_body(request, get_conf().max_upload))
    return StreamingHttpResponse(
        _in_threads(pieces) if hasattr(request, "scope") else pieces, content_type=NDJSON
    )


def _is_atomic(request: HttpRequest) -> bool:
    text = request.GET.get("atomic", "0").lower()
    if text not in {"0", "1", "true", "false"}:
        raise _wrong_query("atomic", "It is 1 or 0.")
    return text in {"1", "true"}


def _first_line(request: HttpRequest) -> int:
    text = request.GET.get("first_line", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and int(text)):
        raise _wrong_query("first_line", "It is the number of a line, 1 or more.")
    return int(text)


def _wrong_query(name: str, detail: str) -> ApiError:
    wrong: FieldError = {"pointer": f"/{name}", "detail": detail}
    return ApiError(INVALID, f"The query does not fit: {name}. {detail}", errors=[wrong])


def _lines(chunks: Iterator[bytes], size: Callable[[], int]) -> Iterator[list[bytes | None]]:
    """Yield the lines in batches of such a size; an empty one when nothing more has come."""
    splitter = LineSplitter(get_conf().max_body)
    lines: list[bytes | None] = []
    for chunk in chunks:
        lines += splitter.feed(chunk)
        if not chunk:
            yield from _batches(lines, size)
            lines = []
            yield []
            continue
        while len(lines) >= BATCH:
            batch = size()
            yield lines[:batch]
            del lines[:batch]
    yield from _batches(lines + splitter.end(), size)


def _batches(lines: list[bytes | None], size: Callable[[], int]) -> Iterator[list[bytes | None]]:
    while lines:
        batch = size()
        yield lines[:batch]
        lines = lines[batch:]


class _BatchSize:
    """How many lines the next batch has: fewer while others wait for the same lock."""

    def __init__(self) -> None:
        self._has_one_writer = connection().vendor == "sqlite"
        self._begun = requests_in_progress.begun

    def __call__(self) -> int:
        begun = requests_in_progress.begun
        others = begun - self._begun - 1  # a batch is counted like a request
        self._begun = begun
        return BESIDE_OTHERS if others > 0 and self._has_one_writer else BATCH


def _pieces(request: HttpRequest, bulk: Bulk, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the answer to each batch once it is committed, and ``b""`` before it waits for more.

    Who closes this ends it.
    """
    with closing(chunks):  # type: ignore[type-var]  # a generator
        batches = _lines(chunks, _BatchSize())
        while True:
            try:
                lines = next(batches, None)
            except (JobsError, ApiError) as error:
                yield bulk.cut_off(error)
                return
            if lines is None:
                return
            with requests_in_progress, limited_lock_waits(), serving(request):
                piece = bulk.answer(lines) if lines else b""
            yield piece


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Django would make a list of all pieces before it sends one."""
    advance = sync_to_async(lambda: next(pieces, None))
    while (piece := await advance()) is not None:
        yield piece


def _insert_all(bulk: Bulk, caller: Caller, chunks: Iterator[bytes]) -> bytes:
    """Record the jobs of all lines, or none; return the answer.

    Raises:
        ApiError: 422 with what is wrong in which line.
        JobsError: nothing of it can be recorded now.
    """
    prepared: list[tuple[int, PreparedJob]] = []
    wrong: list[FieldError] = []
    for lines in _lines(chunks, lambda: BATCH):
        for number, line in bulk.numbered(lines):
            try:
                prepared.append((number, bulk.prepare(number, line)))
            except Exception as error:
                problem = bulk.problem(error)
                if problem.kind.status >= problems.INTERNAL.status:
                    raise problem from error
                wrong += _errors(number, problem)
        if len(prepared) > MOST_ATOMIC:
            raise TooLarge("number of lines with atomic=1", MOST_ATOMIC)
    if wrong:
        detail = "Nothing was recorded: some lines do not fit. `errors` begin with their numbers."
        raise ApiError(INVALID, detail, errors=wrong[:100])
    many = [job for _, job in prepared]
    outcomes = insert_batch(many, caller.user, enforce_limits=True, all_or_none=True)
    pairs = zip(prepared, outcomes, strict=True)
    told = [created_line(number, one) for (number, _), one in pairs if isinstance(one, Created)]
    return "".join(told).encode("ascii")


def _errors(number: int, problem: ApiError) -> list[FieldError]:
    if problem.errors is None:
        return [{"pointer": f"/{number}", "detail": str(problem)}]
    return [{**one, "pointer": f"/{number}{one['pointer']}"} for one in problem.errors]
