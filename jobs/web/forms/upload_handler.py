"""Files that come with a form go to the disk as they arrive, and no further than the limit."""

from __future__ import annotations

import tempfile
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from jobs.conf import get_conf
from jobs.errors import TooLarge


class DiskUploadHandler(FileUploadHandler):
    """Writes each file to a nameless one in the data folder, which goes when it is closed.

    Django's own handlers keep small files in memory and write large ones to the system's folder
    for temporary files, which is memory too on many systems; neither has a limit.
    """

    file: IO[bytes] | None = None
    written = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Open the file's place."""
        super().new_file(*args, **kwargs)
        folder = get_conf().data_dir / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed by the request)
        self.written = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Write on.

        Raises:
            TooLarge: that would be over the limit; the parser then closes the file.
        """
        self.written += len(raw_data)
        limit = get_conf().max_upload
        if self.written > limit:
            raise TooLarge("file", limit)
        if self.file is not None:
            self.file.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """Hand the file over."""
        if self.file is None:
            return None
        self.file.seek(0)
        return UploadedFile(self.file, self.file_name, self.content_type, file_size, self.charset)

    def upload_interrupted(self) -> None:
        """The client went away: keep nothing."""
        if self.file is not None:
            self.file.close()
