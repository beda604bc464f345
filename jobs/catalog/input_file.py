"""A file as an argument of a task: a reference in the job's row, a path in the running task."""

from __future__ import annotations

import shutil
import uuid
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from jobs.core import tempdirs
from jobs.core.storage import job_storage, open_file

CONTEXT_KEY = "files"


class FileInfo(TypedDict):
    """What is needed to open an upload: plain JSON, so that it can be sent to a child process.

    ``size`` is in bytes, ``file`` the name in the storage.
    """

    name: str
    size: int
    file: str


class InputFile:
    """An uploaded file. In JSON it is ``{"upload": "<id>"}``.

    ``name``, ``size`` (bytes), ``path`` and ``open`` work inside a running task; outside it only
    the reference ``upload`` is known.
    """

    def __init__(self, upload: uuid.UUID, info: FileInfo | None = None) -> None:
        self.upload = upload
        self._info = info
        self._copy: Path | None = None

    @property
    def name(self) -> str:
        """The name that the user gave the file. Never use it as a path."""
        return self._loaded_info["name"]

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self._loaded_info["size"]

    @property
    def path(self) -> Path:
        """The path of a local file. A file in a remote storage is copied to this machine once."""
        try:
            return Path(job_storage().path(self._loaded_info["file"]))
        except NotImplementedError:
            return self._local_copy()

    def open(self) -> BinaryIO:
        """Open the file for reading bytes."""
        return cast("BinaryIO", open_file(self._loaded_info["file"]))

    def _local_copy(self) -> Path:
        if self._copy is None:
            path = tempdirs.path_of_copy()
            with self.open() as source, path.open("wb") as target:
                # It goes with this object, so with the attempt.
                weakref.finalize(self, tempdirs.remove_copy, path)
                shutil.copyfileobj(source, target)
            self._copy = path
        return self._copy

    @property
    def _loaded_info(self) -> FileInfo:
        if self._info is None:
            raise RuntimeError("A file can be read only inside its running task.")
        return self._info

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InputFile) and self.upload == other.upload

    def __hash__(self) -> int:
        return hash(self.upload)

    def __repr__(self) -> str:
        return f"InputFile({self._info['name']!r})" if self._info else f"InputFile({self.upload})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate ``{"upload": id}``; the context of the validation has each ``FileInfo``."""
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
        files = (info.context or {}).get(CONTEXT_KEY, {})
        return cls(upload, files.get(str(upload)))


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
