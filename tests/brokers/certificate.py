"""A certificate of a test's own server on 127.0.0.1, which is its own authority."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Certificate:
    """PEM files: the key, the certificate, and both in one."""

    key: Path
    cert: Path
    both: Path


def make_certificate(folder: Path) -> Certificate:
    """Have OpenSSL make one that is good for two days."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed")
    made = Certificate(folder / "key.pem", folder / "cert.pem", folder / "both.pem")
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(made.key), "-out", str(made.cert)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    made.both.write_text(made.key.read_text() + made.cert.read_text())
    return made
