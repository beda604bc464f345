"""From what the rooms below raise to the problem that is answered."""

from __future__ import annotations

import logging
from functools import singledispatch
from typing import Final

from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, UnreadablePostError
from django.utils.log import log_response

from jobs import errors
from jobs.errors import FieldError
from jobs.models import Job

from . import problems
from .problems import ApiError
from .responses import JsonResponse

logger = logging.getLogger(__name__)
DATABASE_AWAY: Final = 2
MOST_ERRORS: Final = 100


def problem_response(request: HttpRequest, error: Exception) -> JsonResponse:
    """Return the problem that tells of an exception; one that nobody foresaw is logged."""
    found = to_problem(error)
    if found is not None:
        return found.response()
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
    """Return the problem of an exception, None for one that nobody foresaw."""
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
    return _invalid([{**one, "pointer": f"/args{one['pointer']}"} for one in error.errors])


@to_problem.register
def _options(error: errors.InvalidOptions) -> ApiError:
    return _invalid(error.errors)


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
def _missing(error: Job.DoesNotExist) -> ApiError:
    return problems.no_such_job()


@to_problem.register
def _key_in_use(error: errors.IdempotencyConflict) -> ApiError:
    return ApiError(problems.IDEMPOTENCY_CONFLICT, str(error))


@to_problem.register
def _conflict(error: errors.Conflict) -> ApiError:
    return ApiError(problems.CONFLICT, str(error))


@to_problem.register
def _queue_full(error: errors.QueueFull) -> ApiError:
    return ApiError(problems.QUEUE_FULL, str(error), _after(error.retry_after))


@to_problem.register
def _unavailable(error: errors.Unavailable) -> ApiError:
    return ApiError(problems.UNAVAILABLE, str(error), _after(error.retry_after))


@to_problem.register(OperationalError)
@to_problem.register(InterfaceError)
def _database(error: Exception) -> ApiError:
    # The driver's words may name hosts and users: they are for the log alone.
    logger.warning("The database cannot be used: %s", error)
    return database_away()


def database_away() -> ApiError:
    """The problem of a database that does not answer."""
    return ApiError(
        problems.UNAVAILABLE,
        f"The database cannot be used now. Try again in {DATABASE_AWAY} s.",
        _after(DATABASE_AWAY),
    )


def invalid(pointer: str, detail: str) -> ApiError:
    """The problem of one place that does not fit."""
    return _invalid([{"pointer": pointer, "detail": detail}])


def _invalid(found: list[FieldError]) -> ApiError:
    places = "1 place" if len(found) == 1 else f"{len(found):,} places"
    detail = f"The request does not fit in {places}."
    return ApiError(problems.INVALID, detail, errors=found[:MOST_ERRORS])


def _after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}
