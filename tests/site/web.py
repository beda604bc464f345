"""What serves the site: two gunicorns, and nginx before them, below a path."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.brokers.own_server import OwnServer
from tests.ports import is_open

PREFIX = "/desk"
THREADS = 8
_NGINX = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream site {{ {servers} }}
    server {{
        listen {host}:{port};
        client_max_body_size 0;
        location {prefix}/ {{
            proxy_pass http://site;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
"""


class WebServer(OwnServer):
    """A server with processes of its own, which it ends itself when it is told to."""

    def end(self) -> None:
        """End it and them."""
        if self._process is not None:
            self._signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self.stop()


class Gunicorn(WebServer):
    """One site, with threads."""

    def __init__(
        self, host: str, port: int, namespace: str, environment: Mapping[str, str]
    ) -> None:
        command = [
            *(sys.executable, "-m", "gunicorn", "webapp.wsgi:application"),
            *("--bind", f"{host}:{port}", "--workers", "1", "--log-level", "warning"),
            *("--worker-class", "gthread", "--threads", str(THREADS)),
        ]
        super().__init__(
            command,
            lambda: is_open(host, port),
            namespace=namespace,
            environment={**environment, "SCRIPT_NAME": PREFIX},
        )


class Nginx(WebServer):
    """Shares the requests among the sites."""

    def __init__(
        self, folder: Path, host: str, port: int, namespace: str, sites: Sequence[str]
    ) -> None:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None:
            pytest.skip("nginx is not installed")
        folder.mkdir()
        settings = folder / "nginx.conf"
        servers = " ".join(f"server {site};" for site in sites)
        text = _NGINX.format(folder=folder, host=host, port=port, servers=servers, prefix=PREFIX)
        settings.write_text(text, encoding="utf-8")
        command = [program, "-c", str(settings), "-e", str(folder / "error.log")]
        super().__init__(command, lambda: is_open(host, port), namespace=namespace)
