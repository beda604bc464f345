"""A server that speaks S3 (moto), in a thread of the test, which can be stopped and started."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.network import within
from tests.ports import free_port

KEY, SECRET = "the-key", "the/secret+key"


class S3Server:
    """A bucket; stopping the server keeps what it holds.

    Args:
        host: the address that it listens on.
        namespace: the network namespace of that address.
    """

    def __init__(self, host: str = "127.0.0.1", namespace: str = "") -> None:
        pytest.importorskip("moto.server", reason="moto is not installed")
        pytest.importorskip("storages.backends.s3", reason="django-storages is not installed")
        self.host, self.port = host, free_port()
        # What moto holds belongs to the process, not to the server: another one's files are there.
        self.bucket = f"desk-files-{uuid4().hex[:8]}"
        self._namespace = namespace
        self._server: Any = None
        self.start()
        within(namespace, lambda: self.client().create_bucket(Bucket=self.bucket))

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The bucket as ``JOBS_STORAGE_URL`` names it."""
        user = f"{quote(KEY, safe='')}:{quote(SECRET, safe='')}"
        return f"s3://{user}@{self.bucket}/some/folder?endpoint={self.endpoint}&region=us-east-1"

    def client(self) -> Any:
        """A client of the server, to look into the bucket."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def names(self) -> list[str]:
        """The names of what the bucket holds."""
        found = within(self._namespace, lambda: self.client().list_objects(Bucket=self.bucket))
        return [one["Key"] for one in found.get("Contents", [])]

    def delete(self, name: str) -> None:
        """Lose what has this name."""
        within(self._namespace, lambda: self.client().delete_object(Bucket=self.bucket, Key=name))

    def start(self) -> None:
        """Listen again."""
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(self.host, self.port, verbose=False)
        within(self._namespace, self._server.start)  # its threads inherit the namespace

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.stop()
            self._server = None
