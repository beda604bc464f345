"""The field of a file: sent with the form, or uploaded before and named by its id."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from jobs.catalog.arguments import Argument
from jobs.conf import get_conf
from jobs.core.uuid7 import is_uuid
from jobs.errors import QuotaExceeded, TooLarge, Unavailable
from jobs.models import Upload
from jobs.submission import operational_errors_as_unavailable, store_upload

from .fields import ArgumentField

if TYPE_CHECKING:
    from django.contrib.auth.models import User

NOT_FOUND = "This file is no longer here. Choose it again."


class UploadInput(forms.Widget):
    """The ids of files that were uploaded before, and the files that come with the form."""

    needs_multipart_form = True

    def value_from_datadict(
        self, data: Mapping[str, Any], files: MultiValueDict[str, UploadedFile[bytes]], name: str
    ) -> Any:
        """Return both: the ids and the files."""
        ids = data.getlist(name) if isinstance(data, MultiValueDict) else []
        return [one for one in ids if one], files.getlist(name)


class UploadField(ArgumentField):
    """One file or, when the argument is a list, several. ``uploads`` are those already stored.

    ``retry_after`` is set when a file could not be stored now: the seconds to wait.
    """

    retry_after: int | None = None

    def __init__(self, argument: Argument, owner: User) -> None:
        self.owner = owner
        self.uploads: list[Upload] = []
        super().__init__(argument)

    @property
    def limit(self) -> int:
        """The largest file that is accepted, in bytes."""
        return get_conf().max_upload

    @property
    def multiple(self) -> bool:
        """Whether several files may be given."""
        return self.argument.multiple

    def make_widget(self) -> forms.Widget:
        """Return a widget that the template draws, with the uploads that are already stored."""
        return UploadInput()

    def clean(self, value: tuple[Sequence[str], Sequence[UploadedFile[bytes]]]) -> Any:
        """Store the files that came with the form; return references to all uploads."""
        ids, files = value
        self.load_uploads(ids)
        missing = len(ids) > len(self.uploads)
        for file in files:
            self._store(file)
        if missing and (self.multiple or not files):
            raise ValidationError(NOT_FOUND)
        if not self.uploads:
            return self.when_empty()
        references = [{"upload": str(upload.pk)} for upload in self.uploads]
        return references if self.multiple else references[-1]

    def load_uploads(self, ids: Sequence[str]) -> None:
        """Read uploads by their ids, as far as the owner may use them."""
        wanted = [uuid.UUID(one) for one in ids if is_uuid(one)]
        rows = Upload.objects.filter(pk__in=wanted).usable_by(self.owner) if wanted else ()
        found = {row.pk: row for row in rows}
        self.uploads = [found[one] for one in wanted if one in found]

    def display_value(self, value: Any) -> Any:
        """Read the uploads that an earlier job refers to; the control itself shows no text."""
        references = value if isinstance(value, list) else [value]
        self.load_uploads([str(one["upload"]) for one in references if isinstance(one, dict)])
        return ""

    def _store(self, file: UploadedFile[bytes]) -> None:
        try:
            with operational_errors_as_unavailable():
                upload = store_upload(self.owner, file.name or "upload", file.chunks())
        except Unavailable as error:
            self.retry_after = error.retry_after
            raise ValidationError(error.public) from error
        except (TooLarge, QuotaExceeded) as error:
            raise ValidationError(error.public) from error
        self.uploads = [*self.uploads, upload] if self.multiple else [upload]
