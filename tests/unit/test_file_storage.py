"""``JOBS_STORAGE_URL``."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from webapp.file_storage import from_url


@pytest.mark.parametrize(
    ("url", "folder"), [("file:///files", "files"), ("file:////srv/files", "/srv/files")]
)
def test_a_folder(tmp_path: Path, url: str, folder: str) -> None:
    assert from_url(url, base=tmp_path)["OPTIONS"]["location"] == tmp_path / folder


def test_a_bucket(tmp_path: Path) -> None:
    pytest.importorskip("storages.backends.s3")
    url = "s3://key:se%2Fcret@bucket/a/b?endpoint=http://127.0.0.1:9000&region=eu-central-1"
    options = from_url(url, base=tmp_path)["OPTIONS"]
    assert (options["bucket_name"], options["location"]) == ("bucket", "a/b")
    assert (options["access_key"], options["secret_key"]) == ("key", "se/cret")
    assert (options["endpoint_url"], options["region_name"]) == (
        "http://127.0.0.1:9000",
        "eu-central-1",
    )


def test_a_bucket_whose_key_boto3_finds(tmp_path: Path) -> None:
    pytest.importorskip("storages.backends.s3")
    options = from_url("s3://bucket", base=tmp_path)["OPTIONS"]
    assert options["access_key"] is None
    assert options["endpoint_url"] is None


@pytest.mark.parametrize(
    "url", ["", "s3://", "s3://k:secret@b?regoin=x", "file:///", "file://host/x", "ftp://x", "x"]
)
def test_a_url_that_cannot_be_used(tmp_path: Path, url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="JOBS_STORAGE_URL") as caught:
        from_url(url, base=tmp_path)
    assert "secret" not in str(caught.value).replace("s3://key:secret@", "")
