"""The calls of the documentation, made by curl in a shell: README, pages, and each of the API's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from jobs.api.operations import SUBMIT_ONE, Operation, operations
from jobs.api.task_operations import task_operation
from jobs.api.task_schemas import TaskSchemas
from jobs.catalog import exposed_tasks
from jobs.core.states import Status
from jobs.models import Job, Token, Upload, Webhook
from jobs.webhooks.changing import create_webhook, send_test
from tests.factories import make_artifact, make_job, make_upload
from tests.subprocesses import ROOT

pytestmark = [pytest.mark.curl, pytest.mark.django_db(transaction=True)]

README = ROOT / "README.md"
BULK, UPLOADS = (ROOT / "jobs" / "docs" / name for name in ("bulk.md", "uploads.md"))
LOG = b'127.0.0.1 - - [01/May/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5\n'
PIECE = bytes(1024**2)
SITE, HOOK = "https://desk.example.org", "https://example.org/hook"
ANY_UPLOAD = re.compile(r'(?<="upload": ")[-0-9a-f]{36}')
"""What an example gives for the id of an upload."""


@dataclass(frozen=True)
class Shell:
    """A shell in a folder with files to be sent, for a user with a token."""

    bash: str
    folder: Path
    environment: dict[str, str]

    def run(self, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return subprocess.run(
            [self.bash, "-c", command],
            cwd=self.folder,
            env={**os.environ, **self.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )

    def says(self, command: str, **variables: str) -> str:
        """Return what a command prints, which must succeed."""
        done = self.run(command, **variables)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture
def root_user() -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def shell(live_server: LiveServer, root_user: User, tmp_path: Path) -> Shell:
    bash, curl = shutil.which("bash"), shutil.which("curl")
    if bash is None or curl is None:
        pytest.skip("bash or curl is not installed")
    _, token = Token.objects.issue(root_user)
    # A response that is an error makes curl fail, and is shown.
    (tmp_path / ".curlrc").write_text(
        "fail-with-body\nsilent\nshow-error\nmax-time = 30\n", "ascii"
    )
    (tmp_path / "access.log").write_bytes(LOG)
    (tmp_path / "piece").write_bytes(PIECE)
    (tmp_path / "jobs.ndjson").write_text('{"task": "webapp.square", "args": {"n": 7}}\n', "ascii")
    found = {"DESK": live_server.url, "TOKEN": token, "CURL_HOME": str(tmp_path)}
    return Shell(bash, tmp_path, found)


def blocks(page: Path, word: str) -> list[str]:
    """The code blocks of a page with this in them, with the address and the token of the test."""
    text = page.read_text("utf-8")
    found = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [
        block.replace("http://127.0.0.1:8000", "$DESK").replace("Bearer TOKEN", "Bearer $TOKEN")
        for block in found
        if word in block
    ]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command after a ``$``, and the lines that it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.replace("\\\n", " ").splitlines()
        yield lines[0], lines[1:]


def test_the_readmes_call_submits_the_job(shell: Shell) -> None:
    (block,) = blocks(README, "curl")
    (call,) = (line for line in block.splitlines() if line.startswith("curl"))
    # Its task is made by the reader: another one here.
    assert "count_words" in call
    answer = shell.run(call).stdout
    assert '"title": "Unknown task"' in answer or '"title":"Unknown task"' in answer
    square = call.replace("webapp.count_words", "webapp.square")
    shell.says(square.replace(r"\"text\": \"to be\"", r"\"n\": 7"))
    assert Job.objects.get().kwargs == {"n": 7}


def test_the_session_of_a_bulk_prints_what_the_page_shows(shell: Shell) -> None:
    (block,) = blocks(BULK, "curl")
    for command, shown in commands(block):
        printed = shell.says(command).splitlines()
        for line, pattern in zip(printed, shown, strict=True):
            # An id begins with its time.
            parts = map(re.escape, pattern.replace('"019a...', '"...').split("..."))
            assert re.fullmatch(".*".join(parts), line), (line, pattern)
    assert Job.objects.get().kwargs == {"n": 7}


def test_a_download_goes_on_where_it_broke_off(shell: Shell) -> None:
    block = blocks(UPLOADS, "curl")[1]
    job = make_job(status=Status.SUCCEEDED)
    make_artifact(job, "result.json", b"0123456789")
    (shell.folder / "result.json").write_bytes(b"01234")
    shell.says(block, ID=str(job.pk))
    assert (shell.folder / "result.json").read_bytes() == b"0123456789"


def test_the_call_of_an_upload_stores_it(shell: Shell) -> None:
    block = blocks(UPLOADS, "curl")[0]
    shell.says(block)
    assert (Upload.objects.get().name, Upload.objects.get().size) == ("access.log", len(LOG))


def _resumable(shell: Shell) -> str:
    """The id of an upload that waits for its bytes."""
    (create,) = (one for one in operations() if one.id == "createUpload")
    headers = shell.says(f"{create.code_sample} --dump-header -")
    return headers.lower().partition("location: ")[2].split()[0].rpartition("/")[2]


def _artifact(shell: Shell) -> str:
    job = make_job(status=Status.SUCCEEDED)
    make_artifact(job, "result.json", b"{}")
    return str(job.pk)


def _upload(_: Shell) -> str:
    return str(make_upload(User.objects.get(), LOG, "access.log").pk)


def _token(_: Shell) -> int:
    return Token.objects.issue(User.objects.get())[0].pk


def _webhook(_: Shell) -> str:
    owner = User.objects.get()
    return str(create_webhook(owner, SITE, {"url": HOOK, "events": ["job.failed"]}).pk)


def _delivery(shell: Shell) -> dict[str, str]:
    webhook = Webhook.objects.get(pk=_webhook(shell))
    sent = send_test(webhook)
    return {"WEBHOOK_ID": str(webhook.pk), "DELIVERY_ID": str(sent.pk)}


# What the job or the upload of a call must be like.
STATES: dict[str, Callable[[Shell], Any]] = {
    "getJob": lambda _: make_job(status=Status.SUCCEEDED).pk,
    "cancelJob": lambda _: make_job().pk,
    "retryJob": lambda _: make_job(status=Status.FAILED).pk,
    "getLog": lambda _: make_job(status=Status.SUCCEEDED).pk,
    "getArtifact": _artifact,
    "getUploadOffset": _resumable,
    "appendToUpload": _resumable,
    "deleteUpload": _resumable,
    "overrideUploadMethod": _resumable,
    "getUpload": _upload,
    "revokeToken": _token,
    "rotateToken": _token,
    "getWebhook": _webhook,
    "changeWebhook": _webhook,
    "deleteWebhook": _webhook,
    "testWebhook": _webhook,
    "rotateWebhookSecret": _webhook,
    "listDeliveries": _webhook,
    "redeliver": _delivery,
}


def _all_calls() -> list[Operation]:
    found = operations()
    (submit,) = (one for one in found if one.id == SUBMIT_ONE)
    tasks = exposed_tasks()
    schemas = TaskSchemas(tasks)
    of_tasks = [task_operation(submit, one, schemas) for one in tasks if "webapp." in one.name]
    return [*found, *of_tasks]


def test_each_call_of_the_api_is_a_command_that_succeeds(shell: Shell, root_user: User) -> None:
    make_job(status=Status.SUCCEEDED, feed_position=1)  # somebody waits for a result
    failed, without_state = dict[str, str](), list[str]()
    calls = _all_calls()
    for call in calls:
        if "_ID" in call.code_sample.replace("$ID", "_ID") and call.id not in STATES:
            without_state.append(call.id)
            continue
        key = STATES[call.id](shell) if call.id in STATES else ""
        ids = key if isinstance(key, dict) else {"ID": str(key)}
        upload = str(make_upload(root_user, LOG, "access.log").pk)
        done = shell.run(ANY_UPLOAD.sub(upload, call.code_sample), **ids)
        if done.returncode:
            failed[call.id] = f"{call.code_sample}\n{done.stdout}{done.stderr}"
    assert failed == {}
    assert without_state == [], "tell STATES what their $ID is"
    assert len(calls) > 30
