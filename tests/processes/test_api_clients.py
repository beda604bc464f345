"""Clients that are generated from the live OpenAPI document, and a tool that tries all of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from jobs.client import Desk
from tests.subprocesses import ROOT, environment, manage

pytestmark = [pytest.mark.processes, pytest.mark.clients, pytest.mark.timeout(240)]

SOURCES = Path(__file__).parent / "clients"
LOG = b'::1 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 7\n'
TOOLS = ("openapi-python-client==0.29.1", "schemathesis==4.32.5")


@dataclass(frozen=True)
class Site:
    """A running site, its document and a token."""

    url: str
    token: str
    document: Path
    cursor: str
    """Of the results feed, from before the only job that has made files."""

    def env(self) -> dict[str, str]:
        return {**os.environ, "DESK": self.url, "TOKEN": self.token, "CURSOR": self.cursor}


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
        with Desk(url, token) as desk:
            text = json.dumps(desk.request("GET", "openapi.json"))
            document.write_text(text, encoding="utf-8")
            cursor = desk.latest_cursor()
            desk.submit("webapp.analyse_log", log=BytesIO(LOG)).result()
        yield Site(url, token, document, cursor)
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


def schemathesis(site: Site, tools: Path, config: str, folder: Path, *options: str) -> str:
    """Run the tool; return what it prints. It fails if a response is not as documented."""
    command = [str(tools / "schemathesis"), "--config-file", str(SOURCES / config), "run"]
    address = f"{site.url}/api/v1/openapi.json"
    credential = f"Authorization: Bearer {site.token}"
    bound = ["--workers", "2", "--request-timeout", "40"]
    return run([*command, address, "--header", credential, *bound, *options], folder, site.env())


def test_generated_requests_get_documented_responses(
    site: Site, tools: Path, tmp_path: Path
) -> None:
    phases = ["--phases", "coverage,fuzzing", "--max-time", "18"]
    printed = schemathesis(site, tools, "schemathesis.toml", tmp_path, *phases)
    assert "Coverage (in" in printed


OF_A_JOB = {"getJob", "cancelJob", "retryJob", "getLog", "listResults"}
OF_RESULTS = ("listResults", "getJob", "getArtifact")


@pytest.mark.parametrize(
    ("links", "operations"),
    [(OF_A_JOB, ()), ({"getArtifact"}, OF_RESULTS)],
    ids=["of a job", "to its files"],
)
def test_links_are_followed(
    site: Site, tools: Path, tmp_path: Path, links: set[str], operations: tuple[str, ...]
) -> None:
    """Which it follows is a matter of chance: mostly it has followed all after one run."""
    only = [word for name in operations for word in ("--include-operation-id", name)]
    left = set(links)
    for seed in range(1, 6):
        folder = tmp_path / f"seed {seed}"
        folder.mkdir()
        options = ["--phases", "stateful", "--seed", str(seed), *only]
        report = ["--report", "ndjson", "--report-dir", str(folder)]
        schemathesis(site, tools, "links.toml", folder, *options, *report)
        left -= set(followed_links(next(folder.glob("*.ndjson"))))
        if not left:
            return
    raise AssertionError(f"These links were never followed: {left}")


def followed_links(report: Path) -> Iterator[str]:
    """The names of the links that were followed with all that they take from an answer."""
    for line in report.read_text(encoding="utf-8").splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for case in recorder.get("cases", {}).values():
            transition = case.get("transition") or {"parameters": {}}
            values = [
                one["value"]
                for group in transition["parameters"].values()
                for one in group.values()
            ]
            if values and not any(isinstance(value, dict) for value in values):
                # GET /api/v1/jobs -> [200] getJob -> GET /api/v1/jobs/{id}
                yield transition["id"].split(" -> ")[1].split()[1]
