"""For the page that describes the API."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def coded(text: str) -> SafeString:
    """Show what stands between backticks as code, as the OpenAPI document's readers do."""
    parts = text.split("`")
    pairs = ((part, "<code>{}</code>" if odd % 2 else "{}") for odd, part in enumerate(parts))
    return format_html_join("", "{}", ((format_html(markup, part),) for part, markup in pairs))
