"""Fields for arguments that take one or several of a few values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django import forms

from jobs.catalog.arguments import Argument

from .fields import OMITTED, ArgumentField

MOST_RADIO_BUTTONS: Final = 5


class ChoiceField(ArgumentField):
    """One value of a few. The browser sends the text of a value of any JSON type."""

    def make_widget(self) -> forms.Widget:
        """Return radio buttons when there are few values, else a drop-down list."""
        argument = self.argument
        pairs = [(str(value), label) for value, label in argument.choices]
        if argument.nullable:
            return forms.Select(choices=[("", "none"), *pairs])
        if len(pairs) <= MOST_RADIO_BUTTONS:
            return forms.RadioSelect(choices=pairs)
        empty = [("", "Choose one")] if argument.required else []
        return forms.Select(choices=[*empty, *pairs])

    def parse(self, typed: str) -> Any:
        """Return the value with this text; the validation refuses an unknown one."""
        values = {str(value): value for value, _ in self.argument.choices}
        return values.get(typed, typed)

    def display_value(self, value: Any) -> Any:
        """Return its text."""
        return "" if value is None else str(value)


class ChoicesField(ChoiceField):
    """Several values of a few."""

    def make_widget(self) -> forms.Widget:
        """Return check boxes."""
        return forms.CheckboxSelectMultiple(
            choices=[(str(value), label) for value, label in self.argument.choices]
        )

    def __init__(self, argument: Argument) -> None:
        super().__init__(argument)
        # A browser would require each of the boxes to be ticked.
        self.widget.attrs.pop("required", None)

    def clean(self, value: Any) -> Any:
        """Return the ticked values; none is an empty list, which the validation may refuse."""
        ticked = [self.parse(one) for one in value or []]
        return None if not ticked and self.argument.nullable else ticked

    def display_value(self, value: Any) -> Any:
        """Return their texts."""
        return [str(item) for item in value] if isinstance(value, list) else []


class NullBooleanField(ChoiceField):
    """Yes, no or null."""

    def __init__(self, argument: Argument) -> None:
        choices = ((True, "yes"), (False, "no"))
        super().__init__(replace(argument, choices=choices))

    def when_empty(self) -> Any:
        """Return null if the argument takes it."""
        return None if self.argument.nullable else OMITTED
