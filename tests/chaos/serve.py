"""The web process of a storm: it serves a socket that outlives it (``python -m ... FD``)."""

from __future__ import annotations

import socket
import sys
import threading


def main() -> None:
    """Serve until killed."""
    from webapp.up.site import Site
    from webapp.wsgi import application

    Site(socket.socket(fileno=int(sys.argv[1])), application).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
