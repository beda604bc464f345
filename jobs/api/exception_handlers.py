"""Turns an exception into the problem of the response."""

from __future__ import annotations

import logging
from functools import singledispatch
from typing import Final

from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import HttpRequest, UnreadablePostError
from django.utils.log import log_response

from jobs import errors
from jobs.core.byte_ranges import PreconditionFailed, RangeNotSatisfiable
from jobs.core.database_faults import one_line, reconnect_after, retry_after
from jobs.core.db import DATABASE_ERRORS
from jobs.core.rare_line import unusable_database
from jobs.errors import FieldError
from jobs.feed import BadCursor, StaleCursor
from jobs.models import Job

from . import problems, schemas
from .problems import ApiError
from .rate_limit import rate_limit_headers
from .responses import JsonResponse

logger = logging.getLogger(__name__)
MAX_ERRORS: Final = 100


def problem_response(request: HttpRequest, error: Exception) -> JsonResponse:
    """Return the response to an exception; an unexpected one is logged, and is a 500."""
    problem = to_problem(error)
    if problem is not None:
        return problem.response()
    response = ApiError(problems.INTERNAL, "Something went wrong here, and was logged.").response()
    # As Django does for a view that raises: its signal, and one record with the traceback.
    got_request_exception.send(sender=None, request=request)
    log_response(
        "%s: %s",
        response.reason_phrase,
        request.path,
        response=response,
        request=request,
        exception=error,
    )
    return response


@singledispatch
def to_problem(error: Exception) -> ApiError | None:
    """Return the problem of an exception, None for an unexpected one."""
    return None


@to_problem.register
def _problem(error: ApiError) -> ApiError:
    return error


@to_problem.register
def _unknown_task(error: errors.UnknownTask) -> ApiError:
    return ApiError(problems.UNKNOWN_TASK, str(error), nearest=error.nearest)


@to_problem.register
def _unknown_queue(error: errors.UnknownQueue) -> ApiError:
    return invalid("/queue", str(error))


@to_problem.register
def _arguments(error: errors.InvalidArguments) -> ApiError:
    return invalid_members([{**one, "pointer": f"/args{one['pointer']}"} for one in error.errors])


@to_problem.register
def _options(error: errors.InvalidOptions) -> ApiError:
    return invalid_members(error.errors)


@to_problem.register
def _not_allowed(error: errors.NotAllowed) -> ApiError:
    return ApiError(problems.FORBIDDEN, str(error))


@to_problem.register
def _too_large(error: errors.TooLarge) -> ApiError:
    return ApiError(problems.TOO_LARGE, str(error))


@to_problem.register
def _unreadable(error: UnreadablePostError) -> ApiError:
    return ApiError(problems.MALFORMED, "The body could not be read to its end.")


@to_problem.register
def _suspicious(error: SuspiciousOperation) -> ApiError:
    # Django's word for a request that asks too much: over a thousand parameters, for one.
    return ApiError(problems.MALFORMED, "The request is not one that can be taken.")


@to_problem.register
def _wrong_host(error: DisallowedHost) -> ApiError:
    return ApiError(problems.WRONG_HOST, "This site is not reached by the name in the header Host.")


@to_problem.register
def _missing(error: Job.DoesNotExist) -> ApiError:
    return problems.no_such_job()


@to_problem.register
def _key_in_use(error: errors.IdempotencyConflict) -> ApiError:
    both: schemas.Fingerprints = {"first": error.first, "this": error.this}
    return ApiError(problems.IDEMPOTENCY_CONFLICT, str(error), fingerprints=both)


@to_problem.register
def _job_changed(error: errors.JobChanged) -> ApiError:
    return ApiError(problems.PRECONDITION_FAILED, str(error), {"ETag": error.etag})


@to_problem.register
def _conflict(error: errors.Conflict) -> ApiError:
    return ApiError(problems.CONFLICT, str(error))


@to_problem.register
def _wrong_offset(error: errors.WrongOffset) -> ApiError:
    known = {} if error.stored is None else {"Upload-Offset": str(error.stored)}
    return ApiError(problems.WRONG_OFFSET, str(error), known)


@to_problem.register
def _other_file(error: PreconditionFailed) -> ApiError:
    return ApiError(problems.PRECONDITION_FAILED, str(error))


@to_problem.register
def _no_such_bytes(error: RangeNotSatisfiable) -> ApiError:
    return ApiError(problems.RANGE_NOT_SATISFIABLE, str(error), error.headers)


@to_problem.register
def _upload_busy(error: errors.UploadBusy) -> ApiError:
    return ApiError(problems.UPLOAD_BUSY, str(error), _retry_after(error.retry_after))


@to_problem.register
def _queue_full(error: errors.QueueFull) -> ApiError:
    return _limit_reached(problems.QUEUE_FULL, error)


@to_problem.register
def _quota_exceeded(error: errors.QuotaExceeded) -> ApiError:
    return _limit_reached(problems.QUOTA_EXCEEDED, error)


def _limit_reached(kind: problems.Kind, error: errors.LimitReached) -> ApiError:
    headers = {**_retry_after(error.retry_after), **rate_limit_headers(error.limits)}
    return ApiError(kind, str(error), headers)


@to_problem.register
def _bad_cursor(error: BadCursor) -> ApiError:
    return invalid("/after", str(error))


@to_problem.register
def _stale_cursor(error: StaleCursor) -> ApiError:
    return ApiError(problems.CURSOR_EXPIRED, str(error))


@to_problem.register
def _unavailable(error: errors.Unavailable) -> ApiError:
    # The database's text may differ each time; what is away is the same.
    unusable_database.warn(logger, "Not possible now%s: %s", error, error.why)
    return ApiError(problems.UNAVAILABLE, error.public, _retry_after(error.retry_after))


def _database_away(error: Exception) -> ApiError | None:
    seconds = retry_after(error)
    if seconds is None:
        return None  # a 500, with all there is to know in the log
    # The driver's text may name hosts and users: it is for the log alone.
    unusable_database.warn(logger, "The database cannot be used%s: %s", one_line(error))
    reconnect_after(error)
    return database_away(seconds)


for _error in DATABASE_ERRORS:
    to_problem.register(_error, _database_away)


def database_away(seconds: int) -> ApiError:
    """Return the problem of a database that cannot be used for a while."""
    return ApiError(
        problems.UNAVAILABLE,
        f"The database cannot be used now. Try again in {seconds} s.",
        _retry_after(seconds),
    )


def database_unfit() -> ApiError:
    """Return the problem of a database that will not do until somebody mends something."""
    return ApiError(
        problems.UNAVAILABLE,
        "The database is not as Jobdesk needs it: python manage.py doctor says why.",
    )


def invalid(pointer: str, detail: str) -> ApiError:
    """Return the problem of one member that does not fit.

    Args:
        pointer: where it is, a JSON pointer.
        detail: what is wrong, for the sender.
    """
    return invalid_members([{"pointer": pointer, "detail": detail}])


def invalid_members(field_errors: list[FieldError]) -> ApiError:
    """Return the problem of several members that do not fit."""
    count = "1 place" if len(field_errors) == 1 else f"{len(field_errors):,} places"
    detail = f"The request does not fit in {count}."
    return ApiError(problems.INVALID, detail, errors=field_errors[:MAX_ERRORS])


def _retry_after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
