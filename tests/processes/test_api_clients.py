"""Clients that are generated from the live OpenAPI document, and a tool that tries all of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request

import pytest

from tests.opened import open_url
from tests.subprocesses import ROOT, environment, manage

pytestmark = [pytest.mark.processes, pytest.mark.clients, pytest.mark.timeout(240)]

SOURCES = Path(__file__).parent / "clients"
TOOLS = ("openapi-python-client==0.29.1", "schemathesis==4.32.5")


@dataclass(frozen=True)
class Site:
    """A running site, its document and a token."""

    url: str
    token: str
    document: Path

    def env(self) -> dict[str, str]:
        return {**os.environ, "DESK": self.url, "TOKEN": self.token}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if "clients" not in os.environ.get("JOBS_TEST_REQUIRE", ""):
        pytest.skip("it downloads generators: set JOBS_TEST_REQUIRE=clients to run it")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("site")
    with manage(folder / "var", "up", "--port", "0") as running:
        url = running.wait_for(r"^Open (http://[^/]+)").group(1)
        token = run(
            [sys.executable, "manage.py", "createtoken", "admin"],
            cwd=ROOT,
            env=environment(folder / "var"),
        ).strip()
        document = folder / "openapi.json"
        headers = {"Authorization": f"Bearer {token}"}
        with open_url(Request(f"{url}/api/v1/openapi.json", headers=headers)) as answer:
            document.write_bytes(answer.read())
        yield Site(url, token, document)
        running.interrupt()
        running.wait()


@pytest.fixture(scope="module")
def tools(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of their own: one of the tools is a plugin of pytest as well."""
    folder = tmp_path_factory.mktemp("tools") / "venv"
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    run([uv, "venv", "-q", "--python", sys.executable, str(folder)])
    binaries = folder / ("Scripts" if os.name == "nt" else "bin")
    run([uv, "pip", "install", "-q", "--python", str(binaries / "python"), *TOOLS])
    return binaries


def run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=180,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_client_in_python_submits_waits_and_reads(
    site: Site, tools: Path, tmp_path: Path
) -> None:
    generated = tmp_path / "jobdesk_client"
    command = [str(tools / "openapi-python-client"), "generate", "--path", str(site.document)]
    config = SOURCES / "openapi-python-client.yml"
    options = ["--config", str(config), "--meta", "none", "--output-path", str(generated)]
    # A warning is an operation or a schema that the client lacks.
    run([*command, *options, "--fail-on-warning"])
    shutil.copy(SOURCES / "client.py", tmp_path)
    printed = run([str(tools / "python"), str(tmp_path / "client.py")], env=site.env())
    assert json.loads(printed) == ["succeeded", "7 * 7 = 49"]


def test_a_client_in_typescript_submits_waits_and_reads(site: Site, tmp_path: Path) -> None:
    for name in ("package.json", "client.ts"):
        shutil.copy(SOURCES / name, tmp_path)
    npm, npx, node = (str(shutil.which(name)) for name in ("npm", "npx", "node"))
    run([npm, "install", "--no-audit", "--no-fund", "--silent"], tmp_path)
    run([npx, "openapi-typescript", str(site.document), "--output", "api.ts"], tmp_path)
    strict = ["--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext"]
    run([npx, "tsc", *strict, "--lib", "es2022,dom", "client.ts"], tmp_path)
    printed = run([node, "client.js"], tmp_path, site.env())
    assert json.loads(printed) == ["succeeded", "7 * 7 = 49"]


def test_generated_requests_and_links_get_documented_responses(
    site: Site, tools: Path, tmp_path: Path
) -> None:
    command = [str(tools / "schemathesis"), "--config-file", str(SOURCES / "schemathesis.toml")]
    address = f"{site.url}/api/v1/openapi.json"
    bound = ["--workers", "2", "--max-time", "25", "--request-timeout", "40"]
    credential = f"Authorization: Bearer {site.token}"
    printed = run([*command, "run", address, "--header", credential, *bound], tmp_path)
    assert "API Links" in printed
