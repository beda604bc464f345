"""The configuration object."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from jobs.conf import Conf, get_conf, read_conf


def test_every_setting_has_a_default() -> None:
    assert read_conf({}) == Conf()
    assert Conf().broker_url == "database://"


def test_a_relative_data_folder_begins_at_the_project(settings: Any, tmp_path: Path) -> None:
    """Wherever a command is started."""
    settings.BASE_DIR = tmp_path
    assert read_conf({}).data_dir == tmp_path / "var"
    assert read_conf({"DATA_DIR": "files/jobs"}).data_dir == tmp_path / "files" / "jobs"
    assert read_conf({"DATA_DIR": tmp_path / "x"}).data_dir == tmp_path / "x"
    settings.BASE_DIR = str(tmp_path)
    assert read_conf({}).data_dir == tmp_path / "var"


@pytest.mark.parametrize("base", [None, "", "here"])
def test_without_a_project_folder_it_has_to_be_absolute(
    settings: Any, tmp_path: Path, base: str | None
) -> None:
    settings.BASE_DIR = base
    for given in ({}, {"DATA_DIR": "var"}):
        with pytest.raises(ImproperlyConfigured, match=r"JOBS\['DATA_DIR'\] must be an absolute"):
            read_conf(given)
    assert read_conf({"DATA_DIR": tmp_path}).data_dir == tmp_path


def test_each_key_is_read_and_converted() -> None:
    conf = read_conf(
        {"DATA_DIR": "/x", "LEASE_SECONDS": "12", "MAX_BODY": "7", "FOREIGN_OWNER": "a"}
    )
    assert (conf.data_dir.name, conf.lease_seconds, conf.max_body) == ("x", 12.0, 7)
    assert conf.foreign_owner == "a"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"LEASE": 3}, "JOBS['LEASE'] is not a setting. Known: "),
        ({"lease_seconds": 3}, "is not a setting"),
        ({"MAX_BODY": "a lot"}, "JOBS['MAX_BODY'] must be of type int, not 'a lot'."),
        ({"DATA_DIR": 3}, "JOBS['DATA_DIR'] must be of type Path"),
        ({"LEASE_SECONDS": None}, "must be of type float"),
        ({"LEASE_SECONDS": 0}, "JOBS['LEASE_SECONDS'] must be above zero."),
        ({"SWEEP_SECONDS": -1}, "must be above zero"),
        ({"MAX_UPLOAD": 0}, "must be above zero"),
        ({"SERVER_THREADS": -1}, "must be above zero"),
        ({"MAX_BACKLOG": 0}, "must be above zero"),
        ({"RETENTION_DAYS": -1}, "must be above zero"),
        ({"LEASE_SECONDS": float("nan")}, "must be above zero"),
        ({"DEFAULT_TIMEOUT": 0}, "must be above zero"),
        ({"GRACE_SECONDS": -1}, "must be above zero"),
        ({"LOG_LEVEL": "LOUD"}, "JOBS['LOG_LEVEL'] is 'LOUD'. Known: CRITICAL, "),
    ],
)
def test_invalid_settings_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        read_conf(given)
    assert said in str(caught.value)


def test_the_grace_may_be_zero() -> None:
    assert read_conf({"GRACE_SECONDS": 0}).grace_seconds == 0


def test_changed_settings_are_read_again(settings: Any) -> None:
    for seconds in range(1, 50):
        settings.JOBS = {"LEASE_SECONDS": seconds}
        assert get_conf().lease_seconds == seconds
    del settings.JOBS
    assert get_conf() == Conf()


def test_it_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        get_conf().lease_seconds = 3  # type: ignore[misc]
    assert all(field.kw_only for field in fields(Conf))
