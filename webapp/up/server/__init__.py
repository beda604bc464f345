"""The web server of ``up``: one event loop for all connections, and threads for the application.

Clients are strangers, so nothing of theirs holds a thread: the loop receives requests and sends
responses, and a thread works on a request only when that is complete. Nor does it hold the disk: an
application is asked by the head of a request before a body of any size is received.

What it stands on: asyncio, and the parser ``httptools``. Why it is our own: granian's interfaces
for Python cannot tell a body that was cut off from one that is complete, and neither it nor
waitress has a deadline for bodies or a limit of connections for an address.

How to leave it: any WSGI server serves ``webapp.wsgi.application``. Another server here needs the
four methods of ``Server`` and to take a socket that already listens; the rest of ``up`` stays.
"""

from .http_server import Server

__all__ = ["Server"]
