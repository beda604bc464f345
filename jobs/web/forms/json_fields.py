"""Fields for what has no control of its own: any JSON, and lists that fit on lines."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from jobs.core.jsonutils import reject_constant

from .fields import OMITTED, ArgumentField


class JsonField(ArgumentField):
    """Anything else, as JSON."""

    def make_widget(self) -> forms.Widget:
        """A text area for code."""
        return forms.Textarea({"rows": 4, "class": "mono", "spellcheck": "false"})

    def hint(self) -> str:
        """What to type."""
        return "As JSON."

    def read(self, typed: str) -> Any:
        """Parse it."""
        try:
            return json.loads(typed, parse_constant=reject_constant)
        except ValueError as error:
            told = str(error).partition(":")[0] if not hasattr(error, "lineno") else _place(error)
            raise ValidationError(f"This is no JSON: {told}.") from error
        except RecursionError as error:
            raise ValidationError("It is nested too deeply.") from error

    def shown(self, value: Any) -> Any:
        """Indented, so that it can be edited."""
        if value is None or isinstance(value, str):
            return value or ""
        return json.dumps(value, ensure_ascii=False, indent=2)


def _place(error: Any) -> str:
    return f"{error.msg[:1].lower()}{error.msg[1:]}, line {error.lineno}, column {error.colno}"


class LinesField(JsonField):
    """A list of simple values, one a line; JSON is understood too."""

    def hint(self) -> str:
        """What to type."""
        return "One a line."

    def read(self, typed: str) -> Any:
        """Lines, without the empty ones; JSON when it begins as a list does."""
        if typed.lstrip().startswith("["):
            return super().read(typed)
        return [line.strip() for line in typed.splitlines() if line.strip()]

    def when_empty(self) -> Any:
        """No lines are an empty list, unless something must be given."""
        if self.argument.nullable:
            return None
        return OMITTED if self.argument.required else []

    def shown(self, value: Any) -> Any:
        """Lines, where lines can say it."""
        if isinstance(value, list) and all(_fits_a_line(item) for item in value):
            return "\n".join(str(item) for item in value)
        return super().shown(value)


def _fits_a_line(item: Any) -> bool:
    text = str(item)
    if isinstance(item, bool) or not isinstance(item, str | int | float):
        return False
    return text == text.strip() != "" and "\n" not in text and not text.startswith("[")
