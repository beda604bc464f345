"""Fields for arguments that take one, or some, of a few values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from django import forms

from jobs.catalog.arguments import Argument

from .fields import OMITTED, ArgumentField

MOST_RADIOS: Final = 5


class ChoiceField(ArgumentField):
    """One value of a few. Values of any JSON type travel as their text."""

    def make_widget(self) -> forms.Widget:
        """All of them in sight when they are few, else a list that folds."""
        argument = self.argument
        pairs = [(str(value), label) for value, label in argument.choices]
        if argument.nullable:
            return forms.Select(choices=[("", "none"), *pairs])
        if len(pairs) <= MOST_RADIOS:
            return forms.RadioSelect(choices=pairs)
        nothing = [("", "Choose one")] if argument.required else []
        return forms.Select(choices=[*nothing, *pairs])

    def read(self, typed: str) -> Any:
        """The value of this text; an unknown one is left to be refused."""
        values = {str(value): value for value, _ in self.argument.choices}
        return values.get(typed, typed)

    def shown(self, value: Any) -> Any:
        """Its text."""
        return "" if value is None else str(value)


class ChoicesField(ChoiceField):
    """Some values of a few."""

    def make_widget(self) -> forms.Widget:
        """Boxes to tick."""
        return forms.CheckboxSelectMultiple(
            choices=[(str(value), label) for value, label in self.argument.choices]
        )

    def __init__(self, argument: Argument) -> None:
        super().__init__(argument)
        # A browser would insist on each of the boxes.
        self.widget.attrs.pop("required", None)

    def clean(self, value: Any) -> Any:
        """The ticked ones; none is an empty list, which the specification may refuse."""
        picked = [self.read(one) for one in value or []]
        return None if not picked and self.argument.nullable else picked

    def shown(self, value: Any) -> Any:
        """Their texts."""
        return [str(item) for item in value] if isinstance(value, list) else []


class MaybeField(ChoiceField):
    """Yes, no, or nothing said."""

    def __init__(self, argument: Argument) -> None:
        both = ((True, "yes"), (False, "no"))
        super().__init__(replace(argument, choices=both))

    def when_empty(self) -> Any:
        """Null."""
        return None if self.argument.nullable else OMITTED
