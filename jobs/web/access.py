"""Who may see a page, and the pages that say why one cannot be shown."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from jobs.core.database_file import require_same_file
from jobs.core.db import DATABASE_ERRORS
from jobs.core.lock_timeout import limited_lock_waits
from jobs.core.rendering import render
from jobs.core.write_waits import serving
from jobs.errors import Unavailable
from jobs.models import Job
from jobs.queries import job_search

from .database_away import database_away_page
from .sign_in import redirect_to_sign_in

if TYPE_CHECKING:
    from django.contrib.auth.models import User

View = Callable[..., HttpResponseBase]
_MISSING: Final = (
    "It may have been forgotten: finished jobs are kept for a time and then deleted. "
    "Jobs of other people are not shown here either."
)
NO_USERS: Final = (
    "Jobdesk's pages are for people who have signed in: MIDDLEWARE needs "
    "'django.contrib.sessions.middleware.SessionMiddleware' and "
    "'django.contrib.auth.middleware.AuthenticationMiddleware'."
)


class SignedIn(HttpRequest):
    """A request whose user has signed in: the request of views behind ``signed_in``."""

    user: User


class NoSuchJob(Exception):
    """There is no such job, or it is somebody else's: the answer is the same."""


def signed_in(view: View) -> View:
    """Decorate a view: ask who is not signed in to sign in, answer with a page that says why a
    job cannot be shown."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if not user_of(request).is_authenticated:
                return _to_sign_in(request)
            require_same_file()
            with limited_lock_waits(), serving(request):
                response = view(request, *args, **kwargs)
        except NoSuchJob:
            response = message_page(request, 404, "There is no such job", _MISSING)
        except DATABASE_ERRORS as error:
            response = database_away_page(request, error)
        except Unavailable as error:
            response = message_page(request, 503, "Not available now", error.public)
            response.headers["Retry-After"] = str(error.retry_after)
        # The pages show one person's jobs; a shared cache between us and the browser must not
        # keep them.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    return marked(wrapped)


def user_of(request: HttpRequest) -> Any:
    """Return who looks at a page; somebody who has not signed in is ``AnonymousUser``.

    Raises:
        ImproperlyConfigured: the project does not tell; ``manage.py check`` warns of it.
    """
    user = getattr(request, "user", None)
    if user is None:
        raise ImproperlyConfigured(NO_USERS)
    return user


def marked(view: View) -> View:
    """Exempt a page from what the project does to its own views.

    LoginRequiredMiddleware would redirect a poll, which ``signed_in`` answers otherwise. A
    transaction around a page (ATOMIC_REQUESTS) would make a page that only reads wait for the one
    writer of SQLite, and could not show why the database refused something.
    """
    view.login_required = False  # type: ignore[attr-defined]
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if "HX-Request" in request.headers:
        # A poll would follow a redirect and swap the sign-in page into this one.
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})
    return redirect_to_sign_in(request)


def visible_job(request: SignedIn, job_id: str, *, narrow: bool = False) -> Job:
    """Return the job with this id, if this user may see it; narrow: without its large columns.

    Raises:
        NoSuchJob: there is none, or it is not this user's.
    """
    try:
        key = uuid.UUID(job_id)
    except ValueError as error:
        raise NoSuchJob from error
    job = job_search.visible_job(request.user, key, narrow=narrow)
    if job is None:
        raise NoSuchJob
    return job


def message_page(
    request: HttpRequest, status: int, title: str, text: str, **context: Any
) -> HttpResponse:
    """Return a page that says why something cannot be shown or done."""
    page = {"title": title, "text": text, **context}
    return render(request, "jobs/message.html", page, status=status)
