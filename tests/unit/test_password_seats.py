"""Passwords are checked by few threads at once; the others are free for everybody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from jobs.core.server_threads import THREADS
from jobs.web.sign_in_limits import limit_sign_ins
from jobs.web.sign_in_limits.seats import Seats

SECONDS = 20.0
EIGHT_THREADS: dict[str, Any] = {"wsgi.multithread": True, THREADS: 8}


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def test_of_24_at_once_on_eight_threads_four_are_kept_and_the_others_answered(
    rf: RequestFactory,
) -> None:
    release, checking = threading.Event(), threading.Semaphore(0)

    @limit_sign_ins
    def check_password(request: HttpRequest) -> HttpResponse:
        checking.release()
        assert release.wait(SECONDS)
        return HttpResponse(status=302)

    def sign_in(number: int) -> Any:
        request = rf.post("/sign-in/", {"username": f"ada{number}"}, **EIGHT_THREADS)
        request.user = AnonymousUser()
        return check_password(request)

    with ThreadPoolExecutor(24) as threads:
        answers = [threads.submit(sign_in, number) for number in range(24)]
        try:
            for _ in range(2):
                assert checking.acquire(timeout=SECONDS)
            refused = [one.result() for one in islice(as_completed(answers, SECONDS), 20)]
            assert not checking.acquire(blocking=False)
        finally:
            release.set()
        statuses = sorted(one.result(SECONDS).status_code for one in answers)
    assert {one.headers["Retry-After"] for one in refused} == {"3"}
    assert "Too many people sign in or set a password" in refused[0].content.decode()
    assert statuses == [302] * 4 + [503] * 20


def test_a_seat_is_free_again_after_an_error() -> None:
    seats = Seats()
    with pytest.raises(ZeroDivisionError), seats.seat(1):
        raise ZeroDivisionError
    with seats.seat(1) as first, seats.seat(1, patience=0) as second:
        assert (first, second) == (True, False)
    with seats.seat(1) as third:
        assert third
