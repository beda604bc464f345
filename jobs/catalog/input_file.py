"""A file as a task's argument: by reference in the row and the message, by path in the task."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from jobs.core.storage import job_storage

CONTEXT_KEY = "files"


class FileInfo(TypedDict):
    """What a worker must know to open an upload: plain JSON, so that a child process gets it."""

    name: str
    size: int
    file: str


class InputFile:
    """A file that was handed in. In JSON it is ``{"upload": "<id>"}``.

    ``name``, ``size`` (bytes), ``path`` and ``open`` work inside a running task; before that only
    the reference ``upload`` is known.
    """

    def __init__(self, upload: uuid.UUID, info: FileInfo | None = None) -> None:
        self.upload = upload
        self._info = info
        self._copy: Path | None = None

    @property
    def name(self) -> str:
        """The file's name as its owner knew it. Never a path to open."""
        return self._known["name"]

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self._known["size"]

    @property
    def path(self) -> Path:
        """A local file with the bytes. A remote storage's file is copied here once."""
        try:
            return Path(job_storage().path(self._known["file"]))
        except NotImplementedError:
            return self._local_copy()

    def open(self) -> BinaryIO:
        """Open the bytes for reading, as a stream."""
        return cast("BinaryIO", job_storage().open(self._known["file"], "rb"))

    def _local_copy(self) -> Path:
        if self._copy is None:
            with self.open() as source, tempfile.NamedTemporaryFile(delete=False) as target:
                shutil.copyfileobj(source, target)
            self._copy = Path(target.name)
        return self._copy

    @property
    def _known(self) -> FileInfo:
        if self._info is None:
            raise RuntimeError("A file can be read only inside its running task.")
        return self._info

    def __repr__(self) -> str:
        return f"InputFile({self._info['name']!r})" if self._info else f"InputFile({self.upload})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read ``{"upload": id}``; the validation context brings what is known of the file."""
        return core_schema.with_info_plain_validator_function(
            cls._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value: {"upload": str(value.upload)}
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A reference, never a path."""
        return {
            "type": "object",
            "format": "upload",
            "properties": {"upload": {"type": "string", "format": "uuid"}},
            "required": ["upload"],
            "additionalProperties": False,
        }

    @classmethod
    def _validate(cls, value: Any, info: ValidationInfo) -> InputFile:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping) or set(value) != {"upload"}:
            raise ValueError('A file is given as {"upload": "<id>"}; send its bytes first.')
        try:
            upload = uuid.UUID(str(value["upload"]))
        except ValueError as error:
            raise ValueError("This is not the id of an upload.") from error
        known = (info.context or {}).get(CONTEXT_KEY, {})
        return cls(upload, known.get(str(upload)))


def uploads_in(value: Any) -> list[uuid.UUID]:
    """Return the ids of the uploads that a validated value holds, at any depth."""
    if isinstance(value, InputFile):
        return [value.upload]
    if isinstance(value, Mapping):
        return [found for item in value.values() for found in uploads_in(item)]
    if isinstance(value, list | tuple | set | frozenset):
        return [found for item in value for found in uploads_in(item)]
    if hasattr(value, "__pydantic_fields__"):
        return [found for item in vars(value).values() for found in uploads_in(item)]
    return []
