"""The form of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from jobs.catalog.arguments import Argument
from jobs.catalog.registry import AnyTask
from jobs.catalog.signature import ValidatedArguments
from jobs.errors import InvalidArguments

from . import choices, fields, json_fields
from .fields import OMITTED, ArgumentField
from .placeholder import placeholder
from .upload_field import UploadField

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_FIELDS: dict[str, type[ArgumentField]] = {
    "longtext": fields.LongTextField,
    "integer": fields.NumberField,
    "number": fields.NumberField,
    "boolean": fields.BooleanField,
    "datetime": fields.DateTimeField,
    "choice": choices.ChoiceField,
    "json": json_fields.JsonField,
}


def field_for(argument: Argument, owner: User) -> ArgumentField:
    """Return the form field of an argument."""
    if argument.kind == "file":
        return UploadField(argument, owner)
    if argument.kind == "choice" and argument.multiple:
        return choices.ChoicesField(argument)
    if argument.kind == "boolean" and argument.nullable:
        return choices.NullBooleanField(argument)
    if argument.items is not None:
        return json_fields.LinesField(argument)
    return _FIELDS.get(argument.kind, ArgumentField)(argument)


class TaskForm(forms.Form):
    """The arguments of a task; after ``is_valid`` they are in ``validated``.

    Args:
        task: the task.
        owner: who submits: an upload that is kept must be theirs.
        data, files: what was sent, if anything was.
        initial_arguments: JSON data to show at first, else the defaults.
        query: the same from a query string: one text, or several, for a name.
    """

    arguments: dict[str, Any]
    """What was given, as JSON data, before the task validated it."""
    validated: ValidatedArguments

    use_required_attribute = False

    def __init__(
        self,
        task: AnyTask,
        owner: User,
        *,
        data: QueryDict | None = None,
        files: MultiValueDict[str, UploadedFile[bytes]] | None = None,
        initial_arguments: dict[str, Any] | None = None,
        query: QueryDict | None = None,
    ) -> None:
        super().__init__(data, files)
        self.task = task
        for argument in task.spec.arguments:
            field = field_for(argument, owner)
            if argument.kind == "json" and argument.items is None:
                field.widget.attrs["placeholder"] = placeholder(
                    task.spec.json_schema, argument.name
                )
            self.fields[argument.name] = field
            if data is None:
                value = _initial(argument, initial_arguments, query)
                self.initial[argument.name] = field.display_value(value)

    @property
    def retry_after(self) -> int | None:
        """The seconds to wait when a file could not be stored now; None otherwise."""
        fields = [one for one in self.fields.values() if isinstance(one, UploadField)]
        return max((one.retry_after for one in fields if one.retry_after), default=None)

    def clean(self) -> dict[str, Any]:
        """Validate the arguments by the task; add an error to each field that does not fit."""
        cleaned = {**self.cleaned_data}
        self.arguments = {name: value for name, value in cleaned.items() if value is not OMITTED}
        try:
            self.validated = self.task.spec.validate(self.arguments)
        except InvalidArguments as error:
            self.add_errors(error)
        return cleaned

    def add_errors(self, error: InvalidArguments) -> None:
        """Add each error to the field that its pointer leads into."""
        failed = set(self.errors)
        for one in error.errors:
            pointer = one["pointer"].removeprefix("/")
            name, _, rest = pointer.partition("/")
            name = name.replace("~1", "/").replace("~0", "~")
            if name not in self.fields:
                self.add_error(None, _with_location(pointer, one["detail"]))
            elif name not in failed:
                # A field that could not be parsed has its error; "required" would be wrong.
                self.add_error(name, _with_location(rest, one["detail"]))


def _initial(argument: Argument, arguments: dict[str, Any] | None, query: QueryDict | None) -> Any:
    if arguments is not None:
        return arguments.get(argument.name, argument.default)
    if query is not None and argument.name in query and argument.kind != "file":
        return query.getlist(argument.name) if argument.multiple else query[argument.name]
    return argument.default


def _with_location(location: str, detail: str) -> str:
    """Put the location inside the value before the detail: ``Entry 2: ...``, ``box/width: ...``."""
    if not location:
        return detail
    if location.isdecimal():
        return f"Entry {int(location) + 1}: {detail[:1].lower()}{detail[1:]}"
    return f"{location}: {detail[:1].lower()}{detail[1:]}"
