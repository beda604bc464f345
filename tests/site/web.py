"""What serves the site: two gunicorns, and nginx before them, below a path."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.brokers.own_server import OwnServer
from tests.nginx import DOCUMENTED, program
from tests.ports import is_open
from tests.subprocesses import ROOT

PREFIX = "/desk"
THREADS = 8
_MAIN = """
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
    {site}
}}
"""
_REDIRECT: Final = re.compile(r"server \{\s+listen 80;.*?^\}\n", re.MULTILINE | re.DOTALL)
_CERTIFICATE: Final = re.compile(r"^ +ssl_certificate.*\n", re.MULTILINE)
_BELOW_A_PATH: Final = re.compile(r"^```nginx\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def documented_site(address: str, sites: Sequence[str]) -> str:
    """Return the documented configuration, below the documented path, without its certificate.

    Args:
        address: host and port that nginx listens on.
        sites: hosts and ports of the site's servers.
    """
    text = DOCUMENTED.read_text(encoding="utf-8")
    page = (ROOT / "jobs" / "docs" / "servers.md").read_text(encoding="utf-8")
    kept, *_ = _BELOW_A_PATH.findall(page)
    assert f" {PREFIX}/ {{" in kept
    text, mark, _ = text.partition("    location / {")
    assert mark
    servers = " ".join(f"server {site};" for site in sites)
    for pattern, new in (
        (_REDIRECT, ""),
        (_CERTIFICATE, ""),
        (re.compile(re.escape("server 127.0.0.1:8000;")), servers),
        (re.compile("listen 443 ssl"), f"listen {address}"),
    ):
        text, count = pattern.subn(new, text)
        assert count, pattern
    return f"{text}{kept}\n}}\n"


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
        found = program()
        folder.mkdir()
        settings = folder / "nginx.conf"
        site = documented_site(f"{host}:{port}", sites)
        text = _MAIN.format(folder=folder, site=site)
        settings.write_text(text, encoding="utf-8")
        command = [found, "-c", str(settings), "-e", str(folder / "error.log")]
        super().__init__(command, lambda: is_open(host, port), namespace=namespace)
