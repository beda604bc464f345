"""The web server of ``up``: granian, in threads of this process.

What it stands on: ``granian_server`` uses granian's worker, its socket and its signal
(``granian._granian``, ``granian._futures``), and ``wsgi_bridge`` is what that worker calls for each
request. None of that is public, so granian's version is pinned in ``pyproject.toml``, and
``tests/unit/test_server.py`` uses all of it. Nothing outside this folder imports granian.

How to leave it: any WSGI server serves ``webapp.wsgi.application``. Another server here needs the
four methods of ``Server`` and to take a socket that already listens; the rest of ``up`` stays.
"""

from .granian_server import Server

__all__ = ["Server"]
