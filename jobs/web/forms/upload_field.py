"""The field of a file: chosen here and now, or uploaded before and kept by its id."""

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
from jobs.errors import TooLarge, Unavailable
from jobs.models import Upload
from jobs.submission import operational_errors_as_unavailable, store_upload

from .fields import ArgumentField

if TYPE_CHECKING:
    from django.contrib.auth.models import User

GONE = "This file is no longer here. Choose it again."


class UploadInput(forms.Widget):
    """Ids of files that are here already (hidden fields) and files that come with the form."""

    needs_multipart_form = True

    def value_from_datadict(
        self, data: Mapping[str, Any], files: MultiValueDict[str, UploadedFile[bytes]], name: str
    ) -> Any:
        """Return both: the ids and the files."""
        ids = data.getlist(name) if isinstance(data, MultiValueDict) else []
        return [one for one in ids if one], files.getlist(name)


class UploadField(ArgumentField):
    """One file or, when the argument is a list, several. ``held`` are those that are here."""

    def __init__(self, argument: Argument, owner: User) -> None:
        self.owner = owner
        self.held: list[Upload] = []
        super().__init__(argument)

    @property
    def limit(self) -> int:
        """The largest file that is taken, in bytes."""
        return get_conf().max_upload

    @property
    def multiple(self) -> bool:
        """Whether several files may be given."""
        return self.argument.multiple

    def make_widget(self) -> forms.Widget:
        """Drawn by the template, which knows the files that are held."""
        return UploadInput()

    def clean(self, value: tuple[Sequence[str], Sequence[UploadedFile[bytes]]]) -> Any:
        """Store what came with the form; return the references."""
        ids, files = value
        self.hold(ids)
        lost = len(ids) > len(self.held)
        for file in files:
            self._take(file)
        if lost and (self.multiple or not files):
            raise ValidationError(GONE)
        if not self.held:
            return self.when_empty()
        references = [{"upload": str(upload.pk)} for upload in self.held]
        return references if self.multiple else references[-1]

    def hold(self, ids: Sequence[str]) -> None:
        """Find uploads by their ids: this user's own, which others cannot name."""
        wanted = [uuid.UUID(one) for one in ids if is_uuid(one)]
        rows = Upload.objects.filter(pk__in=wanted) if wanted else Upload.objects.none()
        if not self.owner.is_staff:
            rows = rows.filter(owner_id=self.owner.pk)
        found = {row.pk: row for row in rows}
        self.held = [found[one] for one in wanted if one in found]

    def shown(self, value: Any) -> Any:
        """References of an earlier job: the files stay, if they are still here."""
        references = value if isinstance(value, list) else [value]
        self.hold([str(one["upload"]) for one in references if isinstance(one, dict)])
        return ""

    def _take(self, file: UploadedFile[bytes]) -> None:
        try:
            with operational_errors_as_unavailable():
                upload = store_upload(self.owner, file.name or "upload", file.chunks())
        except (TooLarge, Unavailable) as error:
            raise ValidationError(str(error)) from error
        except OSError as error:
            raise ValidationError(f"The file could not be kept: {error.strerror}.") from error
        self.held = [*self.held, upload] if self.multiple else [upload]
