"""What validation found, said to people: the same sentence at the form, the API and the terminal.

Pydantic's own messages speak to developers ("Input should be a valid integer, unable to parse
string as an integer"); each type of error that a form can bring about has a sentence here.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import ErrorDetails

_WHOLE: Final = "It must be a whole number."
_NUMBER: Final = "It must be a number."
_YES_NO: Final = "It must be true or false."
_DATE: Final = "It must be a date, such as 2026-11-21."
_MOMENT: Final = "It must be a date and time, such as 2026-11-21T14:30:00Z."
_ADDRESS: Final = "It must be a full address, such as https://example.org/."

MESSAGES: Final[dict[str, str]] = {
    "missing": "It is required.",
    "extra_forbidden": "There is no argument of this name.",
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "It must be a finite number.",
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
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
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "timezone_aware": "It needs a time zone.",
    "url_type": _ADDRESS,
    "url_parsing": _ADDRESS,
    "url_scheme": "It must begin with {expected_schemes}.",
    "list_type": "It must be a list.",
    "dict_type": "It must be an object.",
    "model_type": "It must be an object.",
    "model_attributes_type": "It must be an object.",
}
_MAIL: Final = "value is not a valid email address: "


def message_for(error: ErrorDetails) -> str:
    """Return what is wrong, as a sentence; pydantic's own words where we have none."""
    known = MESSAGES.get(error["type"])
    context = {name: _plain(value) for name, value in (error.get("ctx") or {}).items()}
    if known is not None:
        try:
            return known.format_map(context)
        except KeyError:
            pass  # another pydantic may leave a value out: then its message has to do
    text = error["msg"].removeprefix("Value error, ")
    if text.startswith(_MAIL):
        text = f"It must be an e-mail address. {text.removeprefix(_MAIL)}"
    return text[:1].upper() + text[1:]


def _plain(value: Any) -> Any:
    """A bound that was written as 60 comes back as 60.0 from a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
