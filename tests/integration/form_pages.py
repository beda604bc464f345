"""The pages with a task's form."""

from __future__ import annotations

import re


def form_at(name: str) -> str:
    return f"/tasks/{name}/"


def errors_in(html: str) -> list[str]:
    return re.findall(r'<p class="error">(.*?)</p>', html)
