"""Tags of the admin's templates: the dashboard and times.

Django imports every module of tags in a project whatever its templates load. ``jobs.admin`` must
be imported only where ``django.contrib.admin`` is installed, so it is imported inside the tags.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import template
from django.utils.safestring import SafeString

from jobs.core.rights import VIEW_JOBS, has_right

if TYPE_CHECKING:
    from jobs.admin.dashboard import Dashboard

register = template.Library()


@register.simple_tag(takes_context=True)
def jobs_dashboard(context: template.Context) -> Dashboard | None:
    """Read the dashboard for a user who may see jobs; None for others."""
    from jobs.admin.dashboard import dashboard

    user: Any = context.get("user")
    return dashboard() if has_right(user, VIEW_JOBS) else None


@register.simple_tag
def jobs_when(moment: datetime) -> SafeString | str:
    """A time, relative within a day, exact on hover."""
    from jobs.admin.html import when

    return when(moment)
