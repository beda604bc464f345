"""A floor's view behind the web server of Jobdesk's ``up``, whichever that is."""

from __future__ import annotations

import signal
import socket
import sys
import threading

from django.core.wsgi import get_wsgi_application


def main() -> None:
    """Serve on the port of the command line until told to end."""
    sock = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
    application = get_wsgi_application()
    from webapp.up.server import Server  # its own settings are Django's: ready only now

    server = Server(sock, application)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    server.start()
    ended.wait()
    server.stop()


if __name__ == "__main__":
    main()
