"""The site behind a real nginx with the documented configuration, at the root and below a path."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.https_client import Browser
from tests.nginx import HOST, Nginx
from tests.ports import free_port
from tests.subprocesses import ROOT, RunningProcess, environment
from tests.waiting import wait_until

pytestmark = [pytest.mark.processes, pytest.mark.nginx, pytest.mark.servers]

POD = "10.42.0.17"
PASSWORD = "x-long-enough-7"
MIB = 1024**2
SERVERS = (ROOT / "jobs" / "docs" / "servers.md").read_text(encoding="utf-8")
KEPT, REMOVED = re.findall(r"^```nginx\n(.*?)^```$", SERVERS, flags=re.MULTILINE | re.DOTALL)
(GUNICORN,) = re.findall(r"^gunicorn .*$", SERVERS, flags=re.MULTILINE)
UVICORN, HYPERCORN, DAPHNE = re.findall(
    r"^(?:uvicorn|hypercorn|daphne) .*$", SERVERS, flags=re.MULTILINE
)


@dataclass(frozen=True)
class Setup:
    """A documented command and its variables, and the nginx before it."""

    name: str
    command: str
    location: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    knows_prefix: bool = True
    direct: str = "/healthz"

    def __str__(self) -> str:
        return self.name


PREFIX = (("JOBS_PATH_PREFIX", "/desk"),)
BY_HEADER = KEPT.replace("        proxy_pass", "        proxy_set_header Host $http_host;\n"
    "        proxy_set_header X-Forwarded-Proto $scheme;\n"
    "        proxy_set_header SCRIPT_NAME /desk;\n        proxy_pass")  # fmt: skip
AT_ROOT = Setup("root", GUNICORN, variables=(("JOBS_SERVER_THREADS", "8"),))
BELOW = [
    Setup("gunicorn_kept", GUNICORN, KEPT, PREFIX),
    Setup("gunicorn_removed", GUNICORN, REMOVED, PREFIX),
    Setup("gunicorn_variable", GUNICORN, KEPT, (("SCRIPT_NAME", "/desk"),), direct="/desk/healthz"),
    Setup("gunicorn_header", GUNICORN, BY_HEADER, knows_prefix=False),
    Setup("uvicorn_kept", UVICORN, KEPT, PREFIX),
    Setup("uvicorn_removed", UVICORN, REMOVED, PREFIX),
    Setup("uvicorn_option_kept", f"{UVICORN} --root-path /desk", KEPT, knows_prefix=False),
    Setup("uvicorn_option_removed", f"{UVICORN} --root-path /desk", REMOVED, knows_prefix=False),
    Setup("hypercorn_removed", f"{HYPERCORN} --root-path /desk", REMOVED, knows_prefix=False),
    Setup("daphne_removed", DAPHNE, REMOVED, PREFIX),
    Setup("up_kept", "up", KEPT, PREFIX),
    Setup("up_removed", "up", REMOVED, PREFIX),
]


@dataclass(frozen=True)
class Site:
    """Where a setup is reached."""

    tls: int
    plain: int
    backend: int
    certificate: Path
    token: str

    def browser(self) -> Browser:
        return Browser(HOST, self.tls, self.certificate)

    def api(self) -> Browser:
        token = f"Bearer {self.token}"
        return Browser(HOST, self.tls, self.certificate, Authorization=token)


def start(setup: Setup, port: int, env: dict[str, str]) -> RunningProcess:
    name, *arguments = setup.command.replace("--workers 2", "--workers 1").split()
    arguments = [one.replace("8000", str(port)) for one in arguments]
    command = [str(Path(sys.executable).with_name(name)), *arguments]
    if setup.command == "up":
        command = [sys.executable, "manage.py", "up", "--processes", "0", "--port", str(port)]
    return RunningProcess(command, env={**env, **dict(setup.variables)})


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """All setups at once: each takes seconds to start, and most of that is waiting."""
    for program in {setup.command.split()[0] for setup in [AT_ROOT, *BELOW]} - {"up"}:
        if not Path(sys.executable).with_name(program).exists():
            pytest.skip(f"{program} is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    env = environment(
        folder / "var",
        SECRET_KEY="s" * 60,
        ALLOWED_HOSTS=HOST,
        JOBS_HTTPS="1",
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    nginx = Nginx(folder / "nginx")

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=env, check=True, text=True, capture_output=True
        ).stdout.strip()

    manage("migrate", "--verbosity", "0")
    manage("createsuperuser", "--no-input", "--username", "root", "--email", "root@example.org")
    token = manage("createtoken", "root")
    found: dict[str, Site] = {}
    with ExitStack() as running:
        for setup in [AT_ROOT, *BELOW]:
            backend = free_port()
            process = start(setup, backend, env)
            running.callback(end, process)
            tls, plain = nginx.add(setup.name, backend, setup.location)
            found[setup.name] = Site(tls, plain, backend, nginx.certificate, token)
        nginx.start()
        running.callback(nginx.stop)
        for setup in [AT_ROOT, *BELOW]:
            wait_until(lambda: is_alive(setup, found), what=f"{setup} answers")  # noqa: B023
        yield found


def end(process: RunningProcess) -> None:
    os.killpg(process.process.pid, signal.SIGKILL)  # the workers as well
    process.end()


def is_alive(setup: Setup, found: dict[str, Site]) -> bool:
    """Whether a probe that asks the process directly, by its address, is answered."""
    probe = Browser(POD, found[setup.name].backend)
    try:
        return probe.get(setup.direct).status == 200
    except OSError:
        return False


@pytest.fixture(params=BELOW, ids=str)
def setup(request: pytest.FixtureRequest) -> Setup:
    found: Setup = request.param
    return found


@pytest.fixture
def below(sites: dict[str, Site], setup: Setup) -> Site:
    return sites[setup.name]


def addresses(text: str) -> list[str]:
    return re.findall(r'\s(?:href|src|action|hx-get|data-uploads)="(/[^"]*)"', text)


def test_somebody_signs_in_and_runs_a_task(below: Site, setup: Setup) -> None:
    browser = below.browser()
    assert browser.get("/desk").headers["location"] == "/desk/"
    sent = browser.get("/desk/jobs/").headers["location"]
    assert sent == "/desk/sign-in/?next=/desk/jobs/"
    page = browser.get(sent)
    assert page.headers["strict-transport-security"]
    for one in addresses(page.text):
        assert one.startswith("/desk/"), one
        if "/static/" in one:
            assert browser.get(one).status == 200, one
    typed = {"username": "root", "password": PASSWORD, "next": "/desk/jobs/"}
    assert browser.post_form(sent, page, **typed).headers["location"] == "/desk/jobs/"
    form = browser.get("/desk/tasks/webapp.square/")
    made = browser.post_form("/desk/tasks/webapp.square/", form, n="7")
    assert made.status == 303
    job = browser.get(made.headers["location"])
    (live,) = re.findall(r'hx-get="([^"]+)"', job.text)
    assert browser.get(live, HX_Request="true").status == 200
    assert browser.get("/desk/admin/jobs/job/").status == 200
    assert all(one.startswith("/desk/") for one in addresses(job.text))
    paths = {one["path"] for one in browser.cookies.values()}
    assert paths == {"/desk" if setup.knows_prefix else "/"}
    assert all(one["secure"] for one in browser.cookies.values())


def test_a_program_follows_the_links(below: Site) -> None:
    api = below.api()
    body = json.dumps({"task": "webapp.square", "args": {"n": 7}}).encode()
    for _ in range(2):
        made = api.request("POST", "/desk/api/v1/jobs", body, Content_Type="application/json")
        assert made.status == 202
        assert api.get(made.headers["location"]).json()["links"] == made.json()["links"]
    assert api.get(made.json()["links"]["log"]).status == 200
    link = api.get("/desk/api/v1/jobs?limit=1").headers["link"]
    assert len(api.get(link.partition("<")[2].partition(">")[0]).json()["items"]) == 1
    assert api.get("/desk/api/v1/openapi.json").json()["servers"] == [{"url": "/desk"}]
    shown = api.get("/desk/api/v1/docs").text
    assert f"DESK={api.origin}/desk\n" in shown.replace("&#x27;", "'")


def test_health_below_the_path_and_of_the_process(below: Site, setup: Setup) -> None:
    through = below.browser()
    for name in ("healthz", "readyz"):
        assert through.get(f"/desk/{name}").status == 200
        direct = setup.direct.replace("healthz", name)
        assert Browser(POD, below.backend).get(direct).status == 200
    assert below.api().get("/desk/metrics").status == 200
    assert Browser(POD, below.backend).get("/desk/jobs/").status in {400, 404}


@pytest.fixture
def root(sites: dict[str, Site]) -> Site:
    return sites["root"]


def test_plain_http_is_redirected_whatever_a_client_says(root: Site) -> None:
    plain = Browser(HOST, root.plain, X_Forwarded_Proto="https")
    answer = plain.get("/jobs/")
    assert (answer.status, answer.headers["location"][:8]) == (301, "https://")
    # Over HTTPS it cannot say that it came without.
    told = root.browser().get("/sign-in/", X_Forwarded_Proto="http")
    assert told.status == 200


def test_another_host_name_is_refused(root: Site) -> None:
    assert root.browser().get("/sign-in/", Host="evil.example").status == 400


def test_the_largest_upload_arrives_and_is_downloaded(root: Site) -> None:
    api, data = root.api(), bytes(100 * MIB)
    sent = api.request("POST", "/api/v1/uploads?name=big.log", data)
    assert (sent.status, sent.json()["size"]) == (201, len(data))
    body = {"task": "webapp.analyse_log", "args": {"log": {"upload": sent.json()["id"]}}}
    made = api.request(
        "POST", "/api/v1/jobs", json.dumps(body).encode(), Content_Type="application/json"
    ).json()
    browser = root.browser()
    page = browser.get("/sign-in/")
    browser.post_form("/sign-in/", page, username="root", password=PASSWORD)
    read = browser.get(f"{made['links']['html']}uploads/{sent.json()['id']}")
    assert (read.status, len(read.body)) == (200, len(data))


def test_a_little_too_large_is_explained_and_far_too_large_is_not_received(root: Site) -> None:
    little = root.api().request("POST", "/api/v1/uploads?name=x", bytes(100 * MIB + 1))
    # The server answers and closes before nginx has sent it all; nginx may meet that first.
    assert (little.status, little.headers["content-type"].partition(";")[0]) in (
        (413, "application/problem+json"),
        (502, "text/html"),
    )
    # Only the length is sent: nginx does not wait for the body.
    far = root.api().request(
        "POST", "/api/v1/uploads?name=x", b"", Content_Length=str(200 * MIB), Connection="close"
    )
    assert far.status == 413


def test_a_request_waits_for_its_job_through_nginx(root: Site) -> None:
    api = root.api()
    body = json.dumps({"task": "webapp.square", "args": {"n": 7}}).encode()
    job = api.request("POST", "/api/v1/jobs", body, Content_Type="application/json").json()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.get, job["links"]["self"], Prefer="wait=30")
        assert root.browser().get("/healthz").status == 200
        assert api.request("POST", job["links"]["cancel"]).status == 200
        answer = waiting.result()
    assert answer.json()["status"] == "cancelled"


def test_nginx_waits_longer_than_a_request_may() -> None:
    text = (ROOT / "jobs" / "docs" / "examples" / "nginx.conf").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", text)
    assert int(seconds) > 60
