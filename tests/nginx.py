"""A real nginx before servers of the site, by the configuration of the documentation."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.subprocesses import ROOT, RunningProcess
from tests.waiting import wait_until

DOCUMENTED = ROOT / "jobs" / "docs" / "examples" / "nginx.conf"
HOST = "desk.example.org"
_MAIN = """
daemon off;
{user}
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/sites/*.conf;
}}
"""


def program() -> str:
    """The path of nginx; skips where it is not installed."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None or shutil.which("openssl") is None:
        pytest.skip("nginx or openssl is not installed")
    return found


class Nginx:
    """One nginx with a site for each server behind it.

    Args:
        folder: for its files.
    """

    def __init__(self, folder: Path) -> None:
        self._program, self._folder = program(), folder
        (folder / "sites").mkdir(parents=True)
        user = "user root;" if os.name != "nt" and os.getuid() == 0 else ""
        main = _MAIN.format(folder=folder, user=user)
        (folder / "nginx.conf").write_text(main, encoding="utf-8")
        self.certificate = folder / "fullchain.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"]
        command += ["-keyout", str(folder / "privkey.pem"), "-out", str(self.certificate)]
        subprocess.run(command, check=True, capture_output=True)
        self._process: RunningProcess | None = None

    def add(self, name: str, backend: int, location: str = "") -> tuple[int, int]:
        """Put a server behind it; return the ports for HTTPS and for HTTP.

        Args:
            name: for the upstream.
            backend: the server's port.
            location: stands in place of the documented ``location / {...}``.
        """
        text = DOCUMENTED.read_text(encoding="utf-8")
        before, mark, _ = text.partition("    location / {")
        assert mark
        text = f"{before}{location}\n}}\n" if location else text
        tls, plain = free_port(), free_port()
        for old, new in (
            ("upstream jobdesk", f"upstream {name}"),
            ("http://jobdesk", f"http://{name}"),
            ("127.0.0.1:8000", f"127.0.0.1:{backend}"),
            ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
            ("listen 80", f"listen 127.0.0.1:{plain}"),
            ("/etc/ssl/jobdesk", str(self._folder)),
        ):
            assert old in text, old
            text = text.replace(old, new)
        (self._folder / "sites" / f"{name}.conf").write_text(text, encoding="utf-8")
        return tls, plain

    def start(self) -> None:
        """Check the configuration, as its users are told to, and serve."""
        command = [self._program, "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")]
        checked = subprocess.run([*command, "-t"], check=False, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        assert "warn" not in checked.stderr, checked.stderr
        self._process = RunningProcess(command, env=dict(os.environ))
        try:
            wait_until((self._folder / "nginx.pid").exists, what="nginx has started")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it with its workers."""
        if self._process is not None:
            self._process.process.terminate()
            self._process.wait()
            self._process.end()
