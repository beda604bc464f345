"""``up`` from its first to its last moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.urls import reverse

from jobs.consumer.own_job import children_end_with_us
from jobs.consumer.shutdown import Shutdown
from jobs.core.database_identity import check_identity
from webapp.signin import make_token

from . import StartupError, address, prepare
from .server import Server
from .site_consumers import SiteConsumers

READY_SECONDS = 60.0
CHECK_SECONDS = 3.0
"""How often the site looks whether its database was replaced; consumers do with each heartbeat."""
NOTE_ACCESS = "webapp.access_notes.note_access"
Write = Callable[[str], None]


def up(
    host: str,
    port: int,
    processes: int,
    write: Write,
    check: Callable[[], None],
    *,
    has_access_log: bool = False,
) -> None:
    """Prepare, ``check``, serve and consume until told to stop.

    Args:
        host: the address to listen on.
        port: of that address; 0 for any that is free.
        processes: of consumers; 0 for none.
        write: gets each line of output.
        check: Django's system checks.
        has_access_log: log each request.

    Raises:
        StartupError: it can't start, or the server ended by itself.
    """
    if has_access_log:
        # Within the one that gives each request its id; without a log nothing of it runs.
        settings.MIDDLEWARE = [*settings.MIDDLEWARE[:1], NOTE_ACCESS, *settings.MIDDLEWARE[1:]]
    stop = Shutdown()
    stop.install(hangup=True)
    sock = address.listen(host, port)
    user = _prepare(write)
    check()
    any_host = address.allow_host(host)
    url = address.base_url(host, sock.getsockname()[1])
    consumers = SiteConsumers(processes, write, stop) if processes else None
    with children_end_with_us(), ExitStack() as started:
        if consumers:
            consumers.start()
            started.callback(consumers.stop)
        # Only now: it cannot be loaded without the secret.
        from webapp.wsgi import application

        server = Server(sock, application, has_access_log=has_access_log)
        server.start()
        _wait_usable(server, consumers, stop, url)
        if not stop.wait(0):
            _welcome(url, user, any_host=any_host, write=write)
        _serve(server, stop)
        write("Stopping.")
        ended = server.stop()
    if not ended:
        os._exit(0)  # a request is not finished: Python's own end would wait for it, or crash


def _prepare(write: Write) -> User:
    prepare.prepare_folder(settings.DATA_DIR)
    with prepare.one_at_a_time(settings.DATA_DIR):
        if prepare.prepare_database():
            write("The database is ready.")
        user, password = prepare.prepare_admin()
    if password:
        write(f"Made the user {user.username} with the password {password} (not shown again).")
    check_identity()
    connections.close_all()  # the threads that serve have their own
    return user


def _wait_usable(server: Server, consumers: SiteConsumers | None, stop: Shutdown, url: str) -> None:
    host = url.partition("://")[2]
    while not server.responds(host) and not stop.wait(0.1):
        if not server.is_alive():
            raise StartupError("The web server ended before it could answer.")
    waited = 0.0
    while consumers and waited < READY_SECONDS and not consumers.wait_settled(0.2):
        waited += 0.2
        if stop.wait(0):
            return


def _welcome(url: str, user: User, *, any_host: bool, write: Write) -> None:
    if any_host:
        write("Every host name is answered. Set ALLOWED_HOSTS to the names you use.")
    write("Ctrl-C stops it. This link signs you in, once:")
    write(f"Open {url}{reverse('sign-in')}?token={make_token(user)}")


def _serve(server: Server, stop: Shutdown) -> None:
    next_check = 0.0
    while not stop.wait(0.5):
        if time.monotonic() >= next_check:
            check_identity()  # for the threads that serve: nobody need ask for /readyz here
            connections.close_all()
            next_check = time.monotonic() + CHECK_SECONDS
        if not server.is_alive():
            raise StartupError("The web server ended by itself; see the messages above.")
