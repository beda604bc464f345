"""The page about webhooks: its call is taken, and its receiver takes what is sent."""

from __future__ import annotations

import json
import re
import shlex
import time
from typing import Any

import pytest
from django.contrib.auth.models import User

from jobs.models import Webhook
from jobs.webhooks import pauses, sending
from jobs.webhooks.signing import signed_headers
from tests.consumers import ROOT
from tests.integration.api_client import Api

pytestmark = pytest.mark.django_db
PAGE = (ROOT / "jobs" / "docs" / "webhooks.md").read_text(encoding="utf-8")


def block(mark: str) -> str:
    """The code block behind a mark."""
    return PAGE.partition(f"<!-- {mark} -->\n```")[2].partition("\n")[2].partition("\n```")[0]


def test_the_call_makes_a_webhook(api: Api) -> None:
    words = shlex.split(block("the call").replace("\\\n", ""))
    address = words[-1].removeprefix("$DESK")
    body = json.loads(words[words.index("-d") + 1])
    assert api.post(address, body).status_code == 201


def test_the_receiver_takes_what_is_signed_and_nothing_else(
    ada: User, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("flask")
    webhook = Webhook(owner=ada)
    code = block("the receiver").replace("whsec_...", webhook.secret)
    assert len([line for line in code.splitlines() if line]) <= 10
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(compile(code, "receiver", "exec"), names)
    client = names["app"].test_client()
    event = {"type": "job.succeeded", "data": {"links": {"self": "https://desk.example/"}}}
    body = json.dumps(event).encode()

    def send(sent: bytes) -> int:
        headers = signed_headers("7", int(time.time()), body, webhook.secrets)
        return int(client.post("/hook", data=sent, headers=headers).status_code)

    assert send(body) == 204
    assert capsys.readouterr().out == "job.succeeded https://desk.example/\n"
    assert send(body + b" ") == 500


def test_the_pauses_are_those_of_the_page() -> None:
    text = " ".join(PAGE.split())
    told = re.search(r"tried again after (.*?), up to a tenth later", text)
    assert told is not None
    units = {"s": 1, "min": 60, "h": 3600}
    found = [
        int(number) * units[unit] for number, unit in re.findall(r"(\d+) (s|min|h)\b", told[1])
    ]
    assert found == list(pauses.PAUSES)
    assert f"within {sending.SECONDS:.0f} seconds" in text
    assert f"{sending.MOST_READ // 1024} KiB" in text
