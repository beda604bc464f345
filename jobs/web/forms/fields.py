"""One form field for each kind of argument: it turns what is typed into JSON data, and back.

A field only converts. The task's ``ArgSpec`` validates the values, as for the API, so that there is
one validation.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from django import forms

from jobs.catalog.arguments import Argument
from jobs.core.jsonutils import clean

OMITTED: Final = object()
"""What a field returns for an empty control: the argument is left out, and has its default."""

INPUT_TYPES: Final = {"date": "date", "datetime": "datetime-local", "email": "email", "url": "url"}


class ArgumentField(forms.Field):
    """A line of text. Subclasses change the control, and how values are parsed and shown."""

    def __init__(self, argument: Argument) -> None:
        self.argument = argument
        widget = self.make_widget()
        if argument.required:
            widget.attrs["required"] = True
        super().__init__(
            required=False, label=argument.title, help_text=self.full_help(), widget=widget
        )

    @property
    def kind(self) -> str:
        """The argument's kind, for the templates."""
        return self.argument.kind

    def make_widget(self) -> forms.Widget:
        """Return the control that takes the value."""
        widget = forms.TextInput()
        widget.input_type = INPUT_TYPES.get(self.argument.kind, "text")
        if self.argument.max_length:
            widget.attrs["maxlength"] = self.argument.max_length
        return widget

    def full_help(self) -> str:
        """Return the help below the label: what the author wrote, then the format."""
        return " ".join(part for part in (self.argument.help, self.hint()) if part)

    def hint(self) -> str:
        """Return what help says of the format; nothing by default."""
        return ""

    def clean(self, value: Any) -> Any:
        """Return the JSON value, or ``OMITTED``."""
        return self.when_empty() if value in (None, "") else self.parse(clean(str(value)))

    def when_empty(self) -> Any:
        """Return what an empty control means: null, an empty text or ``OMITTED``."""
        if self.argument.nullable:
            return None
        is_text = self.argument.kind in {"text", "longtext"}
        return "" if is_text and not self.argument.required else OMITTED

    def parse(self, typed: str) -> Any:
        """Return JSON data for what was typed."""
        return typed

    def display_value(self, value: Any) -> Any:
        """Return what the control shows for JSON data."""
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class LongTextField(ArgumentField):
    """A text of several lines."""

    def make_widget(self) -> forms.Widget:
        """Return a text area."""
        return forms.Textarea({"rows": 6})

    def parse(self, typed: str) -> Any:
        """Return the text with LF: browsers send CR LF at each end of a line."""
        return typed.replace("\r\n", "\n")


class NumberField(ArgumentField):
    """A whole number or one with a fraction."""

    def make_widget(self) -> forms.Widget:
        """Return a number control with its bounds."""
        whole = self.argument.kind == "integer"
        attrs: dict[str, Any] = {"step": "1" if whole else "any"}
        attrs["inputmode"] = "numeric" if whole else "decimal"
        for name, bound in (("min", self.argument.minimum), ("max", self.argument.maximum)):
            if bound is not None:
                attrs[name] = f"{bound:.12g}"
        return forms.NumberInput(attrs)

    def hint(self) -> str:
        """Return the bounds."""
        least, most = self.argument.minimum, self.argument.maximum
        if least is not None and most is not None:
            return f"From {least:,.12g} to {most:,.12g}."
        if least is not None:
            return f"{least:,.12g} or more."
        return f"{most:,.12g} or less." if most is not None else ""

    def parse(self, typed: str) -> Any:
        """Return the text: the validation reads numbers from text."""
        return typed.strip()


class BooleanField(ArgumentField):
    """A check box."""

    def make_widget(self) -> forms.Widget:
        """Return a check box; without ``required``, for not ticked means no."""
        return forms.CheckboxInput()

    def clean(self, value: Any) -> Any:
        """Return whether it is ticked."""
        return bool(value)

    def display_value(self, value: Any) -> Any:
        """Return whether it is ticked, for a value or a text of a query string."""
        return value not in (None, False, "", "0", "false")


class DateTimeField(ArgumentField):
    """A date and time. The form has it in UTC; the script shows it in the reader's time zone."""

    def make_widget(self) -> forms.Widget:
        """Return the browser's own picker."""
        # No autocomplete: the script would convert a time that a browser restores a second time.
        widget = forms.TextInput({"data-moment": True, "step": "any", "autocomplete": "off"})
        widget.input_type = "datetime-local"
        return widget

    def hint(self) -> str:
        """Return the zone; the script writes the reader's in its place."""
        return "In UTC."

    def parse(self, typed: str) -> Any:
        """Return the time with a zone; without one it is in UTC."""
        try:
            time = datetime.fromisoformat(typed)
        except ValueError:
            return typed
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).isoformat()

    def display_value(self, value: Any) -> Any:
        """Return the time in UTC, in the format of the control."""
        try:
            time = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return super().display_value(value)
        in_utc = time.astimezone(UTC) if time.tzinfo else time
        return in_utc.replace(tzinfo=None, microsecond=0).isoformat()
