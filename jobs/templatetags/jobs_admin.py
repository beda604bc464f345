"""Tags of the admin's templates: the dashboard and times."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils.safestring import SafeString

from jobs.admin.dashboard import Dashboard, dashboard
from jobs.admin.html import when

register = template.Library()


@register.simple_tag(takes_context=True)
def jobs_dashboard(context: template.Context) -> Dashboard | None:
    """Read the dashboard for a user who may see jobs; None for others."""
    user: Any = context.get("user")
    return dashboard() if user is not None and user.has_perm("jobs.view_job") else None


@register.simple_tag
def jobs_when(moment: datetime) -> SafeString | str:
    """A time, relative within a day, exact on hover."""
    return when(moment)
