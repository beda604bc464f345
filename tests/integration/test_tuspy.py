"""A real client of tus, as the documentation shows it, whose connection breaks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer
from tusclient.uploader import uploader

from jobs.core.storage import job_storage
from jobs.models import ResumableUpload, Token, Upload
from tests.cut_off import Relay
from tests.subprocesses import ROOT
from tests.waiting import wait_until

MIB = 1024**2
DATA = bytes(range(256)) * (6 * MIB // 256)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("no_jobs")
def test_an_upload_goes_on_after_its_connection_broke(
    live_server: LiveServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pause(seconds: float) -> None:
        """The server has noticed that the client is gone."""
        wait_until(lambda: ResumableUpload.objects.get().stored, timeout=20)

    monkeypatch.setattr(uploader, "time", SimpleNamespace(sleep=pause))
    monkeypatch.chdir(tmp_path)
    Path("access.log").write_bytes(DATA)
    _, token = Token.objects.issue(User.objects.create_user("ada"))
    page = (ROOT / "jobs" / "docs" / "uploads.md").read_text(encoding="utf-8")
    code = page.partition("```python\n")[2].partition("```")[0]
    with Relay(live_server.thread.port, broken=1, after=2 * MIB) as relay:
        names = {"DESK": f"http://127.0.0.1:{relay.port}", "TOKEN": token}
        exec(code, names)
    upload = Upload.objects.get(pk=names["upload_id"])
    assert (upload.name, upload.size) == ("access.log", len(DATA))
    with job_storage().open(upload.file) as stored:
        assert stored.read() == DATA
    # It was announced, broke off, was asked for, and sent in one piece: over 1 MiB was kept.
    assert relay.connections == 4
