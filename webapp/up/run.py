"""``up`` from its first to its last moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections

from webapp.signin import make_token

from . import StartupError, address, prepare
from .consumers import Consumers
from .site import Site

CONSUMERS_SECONDS = 60.0
Write = Callable[[str], None]


class Stop:
    """Set by Ctrl-C, SIGTERM, Ctrl-Break or a closed terminal; a second one leaves at once."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def install(self) -> None:
        """Listen to the signals that this system has."""
        for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._on_signal)

    def wait(self, seconds: float) -> bool:
        """Wait; whether to stop. Short waits only: Windows hears Ctrl-C between them."""
        return self._asked.wait(seconds)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            os._exit(1)  # the consumers' pipe ends with us, and so do they
        self._asked.set()


def up(host: str, port: int, processes: int, write: Write, check: Callable[[], None]) -> None:
    """Prepare, ``check``, serve and consume until told to stop.

    Raises:
        Refusal: it can't start, or the server ended by itself.
    """
    stop = Stop()
    stop.install()
    sock = address.listen(host, port)
    user = _prepare(write)
    check()
    any_host = address.allow_host(host)
    url = address.base_url(host, sock.getsockname()[1])
    consumers = Consumers(processes, write) if processes else None
    if consumers:
        consumers.start()
    try:
        # Only now: it refuses to load without the secret.
        from webapp.wsgi import application

        site = Site(sock, application)
        site.start()
        _wait_usable(site, consumers, stop, url)
        if not stop.wait(0):
            _welcome(url, user, any_host=any_host, write=write)
        _serve(site, stop)
        write("Stopping.")
        if consumers:
            consumers.drain()
        ended = site.stop()
    finally:
        if consumers:
            consumers.stop()
    if not ended:
        os._exit(0)  # a request is still under way: Python's own end would wait for it, or crash


def _prepare(write: Write) -> User:
    prepare.prepare_folder(settings.DATA_DIR)
    with prepare.one_at_a_time(settings.DATA_DIR):
        if prepare.prepare_database():
            write("The database is ready.")
        user, password = prepare.prepare_admin()
    if password:
        write(f"Made the user {user.username} with the password {password} (not shown again).")
    connections.close_all()  # the threads that serve have their own
    return user


def _wait_usable(site: Site, consumers: Consumers | None, stop: Stop, url: str) -> None:
    host = url.partition("://")[2]
    while not site.answers(host) and not stop.wait(0.1):
        if not site.is_alive():
            raise StartupError("The web server ended before it could answer.")
    waited = 0.0
    while consumers and waited < CONSUMERS_SECONDS and not consumers.wait_settled(0.2):
        waited += 0.2
        if stop.wait(0):
            return


def _welcome(url: str, user: User, *, any_host: bool, write: Write) -> None:
    if any_host:
        write("Every host name is answered. Set ALLOWED_HOSTS to the names you use.")
    write("Ctrl-C stops it. This link signs you in, once:")
    write(f"Open {url}/sign-in/?token={make_token(user)}")


def _serve(site: Site, stop: Stop) -> None:
    while not stop.wait(0.5):
        if not site.is_alive():
            raise StartupError("The web server ended by itself; see the messages above.")
