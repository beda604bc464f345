"""Fields for values without a control of their own: any JSON, and lists typed one value a line."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from jobs.core.jsonutils import reject_constant

from .fields import OMITTED, ArgumentField


class JsonField(ArgumentField):
    """Any value, typed as JSON."""

    def make_widget(self) -> forms.Widget:
        """Return a text area for code."""
        return forms.Textarea({"rows": 4, "class": "mono", "spellcheck": "false"})

    def hint(self) -> str:
        """Return what is typed."""
        return "As JSON."

    def parse(self, typed: str) -> Any:
        """Return what the JSON text says.

        Raises:
            ValidationError: it is not JSON; the message says where.
        """
        try:
            return json.loads(typed, parse_constant=reject_constant)
        except ValueError as error:
            raise ValidationError(f"This is no JSON: {_reason(error)}.") from error
        except RecursionError as error:
            raise ValidationError("It is nested too deeply.") from error

    def display_value(self, value: Any) -> Any:
        """Return indented JSON, to be edited."""
        if value is None or isinstance(value, str):
            return value or ""
        return json.dumps(value, ensure_ascii=False, indent=2)


def _reason(error: ValueError) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return str(error).partition(":")[0]
    return f"{error.msg[:1].lower()}{error.msg[1:]}, line {error.lineno}, column {error.colno}"


class LinesField(JsonField):
    """A list of simple values, one a line; a list in JSON is parsed too."""

    def hint(self) -> str:
        """Return what is typed."""
        return "One a line."

    def parse(self, typed: str) -> Any:
        """Return the lines that are not empty, or the JSON list if the text begins as one."""
        if typed.lstrip().startswith("["):
            return super().parse(typed)
        return [line.strip() for line in typed.splitlines() if line.strip()]

    def when_empty(self) -> Any:
        """Return an empty list, unless the argument is nullable or required."""
        if self.argument.nullable:
            return None
        return OMITTED if self.argument.required else []

    def display_value(self, value: Any) -> Any:
        """Return lines, or JSON if an item does not fit on a line."""
        if isinstance(value, list) and all(_fits_a_line(item) for item in value):
            return "\n".join(str(item) for item in value)
        return super().display_value(value)


def _fits_a_line(item: Any) -> bool:
    text = str(item)
    if isinstance(item, bool) or not isinstance(item, str | int | float):
        return False
    return text == text.strip() != "" and "\n" not in text and not text.startswith("[")
