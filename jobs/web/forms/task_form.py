"""The form of one task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from jobs.catalog.arguments import Argument
from jobs.catalog.registry import AnyTask
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
    "boolean": fields.YesNoField,
    "datetime": fields.MomentField,
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
        return choices.MaybeField(argument)
    if argument.items is not None:
        return json_fields.LinesField(argument)
    return _FIELDS.get(argument.kind, ArgumentField)(argument)


class TaskForm(forms.Form):
    """Takes the arguments of a task; after ``is_valid`` they are in ``args``.

    Args:
        task: the task.
        owner: who fills it in: a file that is kept must be his.
        data, files: what was sent, if anything was.
        args: arguments to begin with (JSON), else the defaults.
        query: the same from an address: one text, or several, for a name.
    """

    use_required_attribute = False

    def __init__(
        self,
        task: AnyTask,
        owner: User,
        *,
        data: QueryDict | None = None,
        files: MultiValueDict[str, UploadedFile[bytes]] | None = None,
        args: dict[str, Any] | None = None,
        query: QueryDict | None = None,
    ) -> None:
        super().__init__(data, files)
        self.task = task
        self.args: dict[str, Any] = {}
        for argument in task.spec.arguments:
            field = field_for(argument, owner)
            if argument.kind == "json" and argument.items is None:
                field.widget.attrs["placeholder"] = placeholder(
                    task.spec.json_schema, argument.name
                )
            self.fields[argument.name] = field
            if data is None:
                value = _start(argument, args, query)
                self.initial[argument.name] = field.shown(value)

    def clean(self) -> dict[str, Any]:
        """Ask the task whether the arguments fit; say what does not at its field."""
        given = {**self.cleaned_data}
        self.args = {name: value for name, value in given.items() if value is not OMITTED}
        try:
            self.task.spec.validate(self.args)
        except InvalidArguments as error:
            self.say(error)
        return given

    def say(self, error: InvalidArguments) -> None:
        """Put each problem to the field that it points into."""
        failed = set(self.errors)
        for problem in error.errors:
            name, _, rest = problem["pointer"].removeprefix("/").partition("/")
            name = name.replace("~1", "/").replace("~0", "~")
            if name not in self.fields:
                self.add_error(None, _told(problem["pointer"].removeprefix("/"), problem["detail"]))
            elif name not in failed:
                # A field that could not be read at all has said so; "required" would be wrong.
                self.add_error(name, _told(rest, problem["detail"]))


def _start(argument: Argument, args: dict[str, Any] | None, query: QueryDict | None) -> Any:
    if args is not None:
        return args.get(argument.name, argument.default)
    if query is not None and argument.name in query and argument.kind != "file":
        return query.getlist(argument.name) if argument.multiple else query[argument.name]
    return argument.default


def _told(inside: str, detail: str) -> str:
    """Say where inside of the value: ``entry 2: ...``, ``box/width: ...``."""
    if not inside:
        return detail
    if inside.isdecimal():
        return f"Entry {int(inside) + 1}: {detail[:1].lower()}{detail[1:]}"
    return f"{inside}: {detail[:1].lower()}{detail[1:]}"
