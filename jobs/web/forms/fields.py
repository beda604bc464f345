"""One form field for each kind of argument: between what is typed and the JSON that is stored.

A field only translates. Whether a value fits is said by the task's own specification, the same
that the API asks, so that there is one validation.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from django import forms

from jobs.catalog.arguments import Argument
from jobs.core.jsonutils import clean

OMITTED: Final = object()
"""What a field returns when nothing was given: the argument is left out, its default counts."""

INPUT_TYPES: Final = {"date": "date", "datetime": "datetime-local", "email": "email", "url": "url"}


class ArgumentField(forms.Field):
    """A line of text; the other kinds change what is typed, read or shown."""

    def __init__(self, argument: Argument) -> None:
        self.argument = argument
        widget = self.make_widget()
        if argument.required:
            widget.attrs["required"] = True
        super().__init__(required=False, label=argument.title, help_text=self.help(), widget=widget)

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

    def help(self) -> str:
        """Return the help below the label: what the author wrote, then the format."""
        return " ".join(part for part in (self.argument.help, self.hint()) if part)

    def hint(self) -> str:
        """Return what to say of the format; nothing by default."""
        return ""

    def clean(self, value: Any) -> Any:
        """Return the JSON value, or ``OMITTED``."""
        return self.when_empty() if value in (None, "") else self.read(clean(str(value)))

    def when_empty(self) -> Any:
        """Return what an empty control means: null, an empty text, or nothing given."""
        if self.argument.nullable:
            return None
        is_text = self.argument.kind in {"text", "longtext"}
        return "" if is_text and not self.argument.required else OMITTED

    def read(self, typed: str) -> Any:
        """Turn what was typed into JSON data."""
        return typed

    def shown(self, value: Any) -> Any:
        """Turn JSON data into what the control shows."""
        if value is None:
            return ""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class LongTextField(ArgumentField):
    """A text of several lines."""

    def make_widget(self) -> forms.Widget:
        """A text area."""
        return forms.Textarea({"rows": 6})

    def read(self, typed: str) -> Any:
        """Browsers send CR LF at each end of a line, whatever was typed."""
        return typed.replace("\r\n", "\n")


class NumberField(ArgumentField):
    """A whole number or one with a fraction."""

    def make_widget(self) -> forms.Widget:
        """A number control with its bounds."""
        whole = self.argument.kind == "integer"
        attrs: dict[str, Any] = {"step": "1" if whole else "any"}
        attrs["inputmode"] = "numeric" if whole else "decimal"
        for name, bound in (("min", self.argument.minimum), ("max", self.argument.maximum)):
            if bound is not None:
                attrs[name] = f"{bound:.12g}"
        return forms.NumberInput(attrs)

    def hint(self) -> str:
        """The bounds."""
        least, most = self.argument.minimum, self.argument.maximum
        if least is not None and most is not None:
            return f"From {least:,.12g} to {most:,.12g}."
        if least is not None:
            return f"{least:,.12g} or more."
        return f"{most:,.12g} or less." if most is not None else ""

    def read(self, typed: str) -> Any:
        """As typed: the specification reads numbers from text."""
        return typed.strip()


class YesNoField(ArgumentField):
    """A box to tick."""

    def make_widget(self) -> forms.Widget:
        """A check box, which no browser should insist on."""
        return forms.CheckboxInput()

    def clean(self, value: Any) -> Any:
        """A box that is not ticked says no."""
        return bool(value)

    def shown(self, value: Any) -> Any:
        """Also from a query string."""
        return value not in (None, False, "", "0", "false")


class MomentField(ArgumentField):
    """A date and time. It travels in UTC; the script shows it in the reader's zone."""

    def make_widget(self) -> forms.Widget:
        """The browser's own picker."""
        # No completing: a time that a browser restores would be moved to the zone once more.
        widget = forms.TextInput({"data-moment": True, "step": "any", "autocomplete": "off"})
        widget.input_type = "datetime-local"
        return widget

    def hint(self) -> str:
        """The script puts the reader's zone in place of UTC."""
        return "In UTC."

    def read(self, typed: str) -> Any:
        """A moment without a zone is in UTC."""
        try:
            moment = datetime.fromisoformat(typed)
        except ValueError:
            return typed
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()

    def shown(self, value: Any) -> Any:
        """The format of the control, in UTC."""
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return super().shown(value)
        at = moment.astimezone(UTC) if moment.tzinfo else moment
        return at.replace(tzinfo=None, microsecond=0).isoformat()
