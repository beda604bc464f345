"""The web process of a storm: it serves a socket that outlives it (``python -m ... FD``)."""

from __future__ import annotations

import socket
import sys
import threading


def main() -> None:
    """Serve until killed."""
    from webapp.wsgi import application  # first: it sets up Django, which the server needs

    from webapp.up.server import Server  # isort: skip

    Server(socket.socket(fileno=int(sys.argv[1])), application).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
