"""The web process of a storm: it serves a socket that outlives it (``python -m ... FD``)."""

from __future__ import annotations

import socket
import sys

import waitress


def main() -> None:
    """Serve until killed."""
    from webapp.wsgi import application

    listening = socket.socket(fileno=int(sys.argv[1]))
    waitress.create_server(application, sockets=[listening], threads=4).run()


if __name__ == "__main__":
    main()
