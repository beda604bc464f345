"""The environment's helpers: right values, and errors that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from jobs.core.database_url import without_password
from webapp import database, env, mail

BASE = Path("/srv/desk").resolve()


@pytest.mark.parametrize(
    ("value", "meant"), [("1", True), ("Yes", True), ("on", True), ("0", False), ("off", False)]
)
def test_a_flag_is_yes_or_no(monkeypatch: pytest.MonkeyPatch, value: str, meant: bool) -> None:
    monkeypatch.setenv("JOBS_X", value)
    assert env.flag("JOBS_X", default=not meant) is meant


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS_X", "  ")
    assert env.text("JOBS_X", "a") == "a"
    assert env.flag("JOBS_X", default=True) is True
    assert env.number("JOBS_X", 2.5) == 2.5
    assert env.whole("JOBS_X", 3) == 3
    assert env.csv("JOBS_X", ("b",)) == ["b"]
    assert env.folder("JOBS_X", BASE, base=BASE) == BASE


def test_a_path_that_the_system_does_not_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows, which allows 260 characters and asks the file system when it resolves a path."""

    def refuse(path: Path, *, strict: bool = False) -> Path:
        raise OSError(22, "The filename or extension is too long")

    monkeypatch.setenv("JOBS_X", "../long")
    monkeypatch.setattr(Path, "resolve", refuse)
    assert env.folder("JOBS_X", BASE, base=BASE) == BASE.parent / "long"


@pytest.mark.parametrize("value", ["2", "nein", "-"])
def test_a_flag_that_is_neither_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("JOBS_X", value)
    with pytest.raises(ImproperlyConfigured, match=f"JOBS_X must be 1 or 0, not '{value}'"):
        env.flag("JOBS_X")


@pytest.mark.parametrize("value", ["ten", "nan", "inf", "-1"])
def test_a_number_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("JOBS_X", value)
    with pytest.raises(ImproperlyConfigured, match="JOBS_X must be"):
        env.number("JOBS_X", 1)


@pytest.mark.parametrize("value", ["1.5", "1e3", "0"])
def test_a_whole_number_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("JOBS_X", value)
    with pytest.raises(ImproperlyConfigured, match="JOBS_X must be"):
        env.whole("JOBS_X", 1, minimum=1)


def test_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS_X", " a, b ,,c")
    assert env.csv("JOBS_X") == ["a", "b", "c"]


def test_a_relative_folder_starts_at_the_project(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JOBS_X", "data/here")
    assert env.folder("JOBS_X", BASE, base=BASE) == BASE / "data" / "here"
    monkeypatch.setenv("JOBS_X", str(tmp_path))
    assert env.folder("JOBS_X", BASE, base=BASE) == tmp_path.resolve()


def test_a_sqlite_url_is_a_file_that_many_processes_write() -> None:
    found = database.from_url("sqlite:///data/my%20db.sqlite3", base=BASE)
    assert found["NAME"] == BASE / "data" / "my db.sqlite3"
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in found["OPTIONS"]["init_command"]


def test_an_absolute_sqlite_url_stays_absolute(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    assert database.from_url(f"sqlite:///{path.as_posix()}", base=BASE)["NAME"] == path


def test_a_postgres_url_is_taken_apart() -> None:
    url = "postgres://a%40b:p%2Fw@db.example:6432/desk?sslmode=require&keepalives_idle=60"
    found = database.from_url(url, base=BASE)
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert (found["USER"], found["PASSWORD"]) == ("a@b", "p/w")
    assert (found["HOST"], found["PORT"], found["NAME"]) == ("db.example", 6432, "desk")
    assert found["OPTIONS"]["sslmode"] == "require"
    assert found["OPTIONS"]["keepalives_idle"] == "60"


def test_a_postgres_url_of_several_hosts_finds_the_one_that_can_be_written_to() -> None:
    found = database.from_url("postgres://u:p,w%40@one,two.example:6432,[::1]/desk", base=BASE)
    assert (found["HOST"], found["PORT"]) == ("one,two.example,::1", "5432,6432,5432")
    assert (found["USER"], found["PASSWORD"], found["NAME"]) == ("u", "p,w@", "desk")
    assert found["OPTIONS"]["target_session_attrs"] == "read-write"
    url = "postgres://one,two/desk?target_session_attrs=any&connect_timeout=2"
    options = database.from_url(url, base=BASE)["OPTIONS"]
    assert (options["target_session_attrs"], options["connect_timeout"]) == ("any", "2")


def test_a_url_is_shown_without_its_password() -> None:
    url = "postgres://u:p@w@one:1,two:2/desk?sslmode=require"
    assert without_password(url) == "postgres://u:***@one:1,two:2/desk?sslmode=require"
    assert without_password("postgres://u@one/desk") == "postgres://u@one/desk"
    assert without_password("sqlite:////data/db.sqlite3") == "sqlite:////data/db.sqlite3"


def test_a_postgres_server_that_vanishes_is_noticed() -> None:
    options = database.from_url("postgres://u@db.example/desk", base=BASE)["OPTIONS"]
    assert int(options["tcp_user_timeout"]) <= 30_000
    probes = int(options["keepalives_interval"]) * int(options["keepalives_count"])
    assert int(options["keepalives_idle"]) + probes <= 30


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hush@h/db",
        "db.sqlite3",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://host/file",
        "postgres://u:hush@h",
        "postgres://u:hush@h:port/db",
        "postgres://u:hush@h:1,i:port/db",
        "postgres://[u:hush@h/db",
    ],
)
def test_an_unsupported_url_is_reported_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as caught:
        database.from_url(url, base=BASE)
    assert "hush" not in str(caught.value)


def test_mail_is_set_as_each_django_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMAIL_HOST", "mail.example")
    monkeypatch.setenv("EMAIL_HOST_USER", "ada")
    old = mail.settings_of((5, 2))
    assert (old["EMAIL_HOST"], old["EMAIL_HOST_USER"]) == ("mail.example", "ada")
    new = mail.settings_of((6, 1))["MAILERS"]["default"]
    assert (new["OPTIONS"]["host"], new["OPTIONS"]["username"]) == ("mail.example", "ada")
    monkeypatch.setenv("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
    assert "OPTIONS" not in mail.settings_of((6, 1))["MAILERS"]["default"]


@pytest.mark.parametrize(
    ("given", "read"), [("", ""), ("/", ""), ("/desk", "/desk"), ("/a/b.c/", "/a/b.c")]
)
def test_a_path_prefix(monkeypatch: pytest.MonkeyPatch, given: str, read: str) -> None:
    monkeypatch.setenv("X_PREFIX", given)
    assert env.path_prefix("X_PREFIX") == read


@pytest.mark.parametrize(
    "given", ["desk", "//desk", "/de sk", "https://h/desk", "/../desk", "/desk?x", "/a//b", "/é"]
)
def test_what_is_no_path_prefix(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("X_PREFIX", given)
    with pytest.raises(ImproperlyConfigured, match="X_PREFIX must be a path such as /desk"):
        env.path_prefix("X_PREFIX")
