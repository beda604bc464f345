"""The calls of ``jobs/docs/tokens.md``, sent as they are printed there."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from jobs.core.credentials import SCOPES
from jobs.core.rights import RIGHTS
from tests.integration.api_client import Api
from tests.subprocesses import ROOT

PAGE = (ROOT / "jobs" / "docs" / "tokens.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def send(api: Api, line: str, token_id: int) -> Any:
    """Send what a line of curl says."""
    words = iter(shlex.split(line.replace("$ID", str(token_id)))[1:])
    method, body, address = "GET", "", ""
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            assert (name, value) in {
                ("Authorization", "Bearer $TOKEN"),
                ("Content-Type", "application/json"),
            }
        elif word == "-X":
            method = next(words)
        elif word == "-d":
            method, body = "POST", next(words)
        else:
            address = word.removeprefix("$DESK")
    return api.send(method, address, body.encode(), content_type="application/json" if body else "")


def test_the_calls_work_one_after_another(api: Api) -> None:
    statuses, token_id = [], 0
    for line in BLOCK.splitlines():
        response = send(api, line, token_id)
        statuses.append(response.status_code)
        if response.status_code == 201:
            token_id = response.json()["id"]
    assert statuses == [200, 201, 200, 201, 204]


def test_every_scope_and_right_is_described() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(SCOPES)
    assert [right for right in RIGHTS if f"`{right}`" not in PAGE] == []


@pytest.mark.parametrize("words", ["insufficient-scope", "jobs.audit"])
def test_what_is_named_there_exists(words: str) -> None:
    sources = [*(ROOT / "jobs" / "api").glob("*.py"), *(ROOT / "jobs" / "core").glob("*.py")]
    assert words in PAGE
    assert any(f'"{words}"' in path.read_text(encoding="utf-8") for path in sources)
