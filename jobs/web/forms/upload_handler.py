"""Files that come with a form are written to the disk as they arrive, up to the limit."""

from __future__ import annotations

import tempfile
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from jobs.conf import get_conf
from jobs.errors import TooLarge


class DiskUploadHandler(FileUploadHandler):
    """Writes each file to a nameless one in the data folder, which is gone when it is closed.

    Django's own handlers keep small files in memory and write large ones to the system's folder
    for temporary files, which is memory too on many systems; neither has a limit.
    """

    file: IO[bytes] | None = None
    written = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Open the nameless file."""
        super().new_file(*args, **kwargs)
        folder = get_conf().data_dir / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by the request)
        self.written = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write a chunk.

        Raises:
            TooLarge: with it the file is over the limit; the parser then closes the file.
        """
        self.written += len(raw_data)
        limit = get_conf().max_upload
        if self.written > limit:
            raise TooLarge("file", limit)
        if self.file is not None:
            self.file.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """Return the file, to be read from its beginning."""
        if self.file is None:
            return None
        self.file.seek(0)
        return UploadedFile(self.file, self.file_name, self.content_type, file_size, self.charset)

    def upload_interrupted(self) -> None:
        """Close the file, which removes it: the client left."""
        if self.file is not None:
            self.file.close()
