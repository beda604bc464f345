"""Commands while the database cannot be used: a sentence, and the exit code that says it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from jobs.management.database_command import UNAVAILABLE
from tests.brokers.servers import default_database
from tests.factories import make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="a file that cannot be opened"),
]

COMMANDS = [
    ("createtoken", "ada"),
    ("prune",),
    ("submit", "webapp.square", "n=7"),
    ("runconsumers", "--until-idle"),
]


STATES = ["away", "empty", "read-only"]


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest, tmp_path: Path, jobs_setting: object) -> Iterator[str]:
    """What is wrong with the database."""
    make_user("ada")
    if request.param == "away":
        name = str(tmp_path / "missing" / "db.sqlite3")
    elif request.param == "empty":
        name = str(tmp_path / "db.sqlite3")
    else:
        name = f"file:{connection.settings_dict['NAME']}?mode=ro"
    with default_database({"NAME": name}):
        yield request.param


@pytest.mark.parametrize(
    ("state", "command"),
    [
        pytest.param(state, command, id=f"{command[0]}-{state}")
        for state in STATES
        for command in COMMANDS
        if (state, command) != ("read-only", ("prune",))  # which finds nothing to delete
    ],
    indirect=["state"],
)
def test_a_command_says_it_in_a_sentence(command: tuple[str, ...], state: str) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(*command)
    said = str(caught.value)
    assert caught.value.returncode == UNAVAILABLE
    assert said.startswith("The database ")
    assert "\n" not in said
    if state == "empty":
        assert "manage.py migrate" in said


def test_doctor_says_it_and_ends(state: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("doctor")
    assert caught.value.returncode == 1
    said = capsys.readouterr().out
    words = {"away": "unable to open", "empty": "not applied", "read-only": "it is read-only"}
    assert words[state] in said
    assert "Traceback" not in said
