"""Validation errors as sentences for people: the same in forms, the API and commands.

Pydantic's own messages are for developers ("Input should be a valid integer, unable to parse string
as an integer"); each type of error that a form can cause has a sentence here.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import ErrorDetails

from jobs.errors import shorten

_INTEGER: Final = "It must be a whole number."
_NUMBER: Final = "It must be a number."
_BOOLEAN: Final = "It must be true or false."
_DATE: Final = "It must be a date, such as 2026-11-21."
_DATETIME: Final = "It must be a date and time, such as 2026-11-21T14:30:00Z."
_URL: Final = "It must be a full address, such as https://example.org/."

MESSAGES: Final[dict[str, str]] = {
    "missing": "It is required.",
    "extra_forbidden": "There is no argument of this name.",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "It must be a finite number.",
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "string_type": "It must be text.",
    "greater_than": "It must be above {gt}.",
    "greater_than_equal": "It must be {ge} or more.",
    "less_than": "It must be below {lt}.",
    "less_than_equal": "It must be {le} or less.",
    "multiple_of": "It must be a multiple of {multiple_of}.",
    "string_too_short": "It is too short: {min_length} characters at least.",
    "string_too_long": "It is too long: {max_length} characters at most.",
    "too_short": "It has too few entries: {min_length} at least.",
    "too_long": "It has too many entries: {max_length} at most.",
    "literal_error": "It must be {expected}.",
    "enum": "It must be {expected}.",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "datetime_type": _DATETIME,
    "datetime_parsing": _DATETIME,
    "datetime_from_date_parsing": _DATETIME,
    "timezone_aware": "It needs a time zone.",
    "url_type": _URL,
    "url_parsing": _URL,
    "url_scheme": "It must begin with {expected_schemes}.",
    "list_type": "It must be a list.",
    "dict_type": "It must be an object.",
    "model_type": "It must be an object.",
    "model_attributes_type": "It must be an object.",
}
MOST_SHOWN: Final = 500
_EMAIL_PREFIX: Final = "value is not a valid email address: "


def message_for(error: ErrorDetails) -> str:
    """Return the sentence for a validation error; pydantic's own message where there is none."""
    template = MESSAGES.get(error["type"])
    context = {name: _plain(value) for name, value in (error.get("ctx") or {}).items()}
    if template is not None:
        try:
            return template.format_map(context)
        except KeyError:
            pass  # another version of pydantic may lack the value: use its own message
    # A validator may repeat what it was given.
    text = shorten(error["msg"].removeprefix("Value error, "), MOST_SHOWN)
    if text.startswith(_EMAIL_PREFIX):
        text = f"It must be an e-mail address. {text.removeprefix(_EMAIL_PREFIX)}"
    return text[:1].upper() + text[1:]


def _plain(value: Any) -> Any:
    """Pydantic reports the bound 60 of a float as 60.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
