"""The example files of the documentation: valid, and of variables and commands that exist."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import load_command_class
from django.urls import resolve

from jobs.conf import Conf
from tests.consumers import ROOT
from tests.dockerfile import instructions
from webapp import database

FOLDER = ROOT / "jobs" / "docs" / "examples"
SETTINGS = (ROOT / "jobs" / "docs" / "settings.md").read_text(encoding="utf-8")
SERVERS = (ROOT / "jobs" / "docs" / "servers.md").read_text(encoding="utf-8")
DOCUMENTED = set(re.findall(r"`([A-Z][A-Z_]+)`", SETTINGS.partition("<!-- the keys")[0]))
OF_OTHERS = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
GRACE: Any = {one.name: one.default for one in dataclasses.fields(Conf)}["grace_seconds"]

EXAMPLES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}
COMPOSE = yaml.safe_load(EXAMPLES["compose.yaml"])
KUBERNETES = list(yaml.safe_load_all(EXAMPLES["kubernetes.yaml"]))
DOCKERFILE = list(instructions(EXAMPLES["Dockerfile"]))


def section(name: str) -> dict[str, list[str]]:
    """The settings of a unit's ``[Service]``; of some there are several."""
    found: dict[str, list[str]] = {}
    text = EXAMPLES[name]
    for line in text.partition("[Service]\n")[2].partition("\n[")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


UNITS = {path.name: section(path.name) for path in sorted(FOLDER.glob("*.service"))}


def services() -> Iterator[tuple[str, dict[str, Any]]]:
    """The services of the compose file that run our image."""
    for name, one in COMPOSE["services"].items():
        if one["image"] == "jobdesk":
            yield name, one


def pods() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name, pod and container of what Kubernetes runs."""
    for document in KUBERNETES:
        if template := document["spec"].get("template") if "spec" in document else None:
            (container,) = template["spec"]["containers"]
            yield document["metadata"]["name"], template["spec"], container


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line of ours in the examples, and where it is."""
    for name, unit in UNITS.items():
        yield name, shlex.split(unit["ExecStart"][0].replace("/srv/jobdesk/.venv/bin/", ""))
    yield "Dockerfile", json.loads(dict(DOCKERFILE)["CMD"])
    for name, one in services():
        if "command" in one:
            yield f"compose.yaml {name}", one["command"]
    for name, _, container in pods():
        if found := container.get("command") or container.get("args"):
            yield f"kubernetes.yaml {name}", found
    for name, text in EXAMPLES.items():
        for line in re.findall(r"python manage\.py .*$", text, re.MULTILINE):
            yield name, shlex.split(line)


COMMANDS = list(commands())


def variables() -> Iterator[tuple[str, str]]:
    """Every variable that is set in the examples, and where."""
    text = EXAMPLES["jobdesk.env"]
    yield from (("jobdesk.env", name) for name in re.findall(r"^(\w+)=", text, re.MULTILINE))
    for name, unit in UNITS.items():
        yield from ((name, one.partition("=")[0]) for one in unit.get("Environment", []))
    for word, rest in DOCKERFILE:
        if word == "ENV":
            yield from (("Dockerfile", one.partition("=")[0]) for one in shlex.split(rest))
    for name, one in services():
        yield from ((f"compose.yaml {name}", key) for key in one["environment"])
    (config,) = (one for one in KUBERNETES if one["kind"] == "ConfigMap")
    yield from (("kubernetes.yaml", key) for key in config["data"])
    secret = EXAMPLES["kubernetes.yaml"]
    yield from (("kubernetes.yaml", key) for key in re.findall(r"--from-literal=(\w+)", secret))


@pytest.mark.parametrize(("where", "name"), sorted(set(variables())))
def test_variables_are_documented(where: str, name: str) -> None:
    assert name in DOCUMENTED | OF_OTHERS


@pytest.mark.parametrize(("where", "words"), COMMANDS, ids=[where for where, _ in COMMANDS])
def test_commands_exist_with_their_options(where: str, words: list[str]) -> None:
    if words[0] == "gunicorn":
        documented = re.findall(r"^gunicorn .*$", SERVERS, flags=re.MULTILINE)[0]
        here = " ".join(words).replace("0.0.0.0:8000", "127.0.0.1:8000")
        assert here.removesuffix(" --worker-tmp-dir /dev/shm") == documented
        return
    assert words[:2] == ["python", "manage.py"]
    app = {
        "runconsumers": "jobs",
        "migrate": "django.core",
        "createsuperuser": "django.contrib.auth",
    }
    parser = load_command_class(app[words[2]], words[2]).create_parser("manage.py", words[2])
    parser.parse_args(words[3:])  # exits at an option that is not there


def test_the_database_urls_can_be_read() -> None:
    text = EXAMPLES["jobdesk.env"]
    urls = re.findall(r"^DATABASE_URL=(.*)$", text, re.MULTILINE)
    urls += [re.sub(r"\$\{.*?\}", "x", one["environment"]["DATABASE_URL"]) for _, one in services()]
    for url in urls:
        assert database.from_url(url, base=ROOT)["NAME"] == "jobdesk"


def test_what_stops_a_consumer_waits_longer_than_its_grace_time() -> None:
    times = [UNITS["jobconsumers.service"]["TimeoutStopSec"][0]]
    times += [
        one["stop_grace_period"].rstrip("s") for name, one in services() if name == "consumers"
    ]
    times += [
        pod["terminationGracePeriodSeconds"]
        for name, pod, _ in pods()
        if name.endswith("consumers")
    ]
    assert len(times) == 3
    assert all(int(one) > GRACE + 5 for one in times)


def test_probes_ask_for_addresses_that_exist() -> None:
    asked = re.findall(r"path: (/[a-z]+z)|8000(/[a-z]+)'", "".join(EXAMPLES.values()))
    paths = {"".join(one) for one in asked}
    assert paths == {"/healthz", "/readyz"}
    for path in paths:
        assert resolve(path).url_name == f"jobs_{path[1:]}"


def test_a_read_only_container_can_write_where_it_must() -> None:
    assert dict(DOCKERFILE)["VOLUME"] == "/data"
    for _, one in services():
        assert one["read_only"]
        assert {entry.rpartition(":")[2] for entry in one["volumes"]} == {"/data", "/tmp"}
    for _, pod, container in pods():
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert {one["mountPath"] for one in container["volumeMounts"]} == {"/data", "/tmp"}
        assert pod["securityContext"]["runAsUser"] == int(dict(DOCKERFILE)["USER"])


def test_services_depend_on_services_and_use_volumes_that_exist() -> None:
    names = set(COMPOSE["services"])
    for name, one in COMPOSE["services"].items():
        assert set(one.get("depends_on", {})) <= names - {name}
        for entry in one.get("volumes", []):
            source, _, target = entry.partition(":")
            if target and source.startswith("./"):
                assert source == "./certificates" or (FOLDER / source).exists()
            elif target:
                assert source in COMPOSE["volumes"]
    build = COMPOSE["services"]["site"]["build"]
    assert ((FOLDER / build["context"]).resolve() / build["dockerfile"]).exists()
    changed = EXAMPLES["nginx.conf"]
    assert "s/127.0.0.1:8000/site:8000/" in COMPOSE["services"]["nginx"]["command"][2]
    assert changed.count("127.0.0.1:8000") == 1


def test_the_image_is_made_of_files_that_exist() -> None:
    ignored = EXAMPLES["Dockerfile.dockerignore"].splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    for word, rest in DOCKERFILE:
        if word == "COPY" and not rest.startswith("--from"):
            for source in shlex.split(rest)[:-1]:
                assert (ROOT / source).exists()
                assert source.split("/")[0] in kept


def test_kubernetes_accepts_the_manifests() -> None:
    kubernetes = pytest.importorskip("kubernetes_validate")
    for document in KUBERNETES:
        kubernetes.validate(document, kubernetes.latest_version(), strict=True)


@pytest.mark.systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_units(name: str, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    # It looks whether the programs are there.
    text = EXAMPLES[name]
    for path in ("gunicorn", "python"):
        text = text.replace(f"/srv/jobdesk/.venv/bin/{path}", sys.executable)
    (tmp_path / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program, "verify", "--man=no", str(tmp_path / name)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
