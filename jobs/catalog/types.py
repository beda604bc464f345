"""Types for a task's signature beyond those of Python and pydantic."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

LongText = Annotated[str, Field(json_schema_extra={"format": "textarea"})]
"""A text of several lines: its form field is a text area."""
