"""Django's admin for what Jobdesk keeps: to look, to cancel and run again, to pause, to revoke."""

from django.contrib import admin

from .consumer import ConsumerAdmin
from .job import JobAdmin
from .quarantine import QuarantineAdmin
from .queue import QueueAdmin
from .token import TokenAdmin
from .upload import UploadAdmin

__all__ = [
    "ConsumerAdmin",
    "JobAdmin",
    "QuarantineAdmin",
    "QueueAdmin",
    "TokenAdmin",
    "UploadAdmin",
]

# The dashboard heads the index of Django's own admin; a project that chose a template of its own
# keeps it, and finds the dashboard above the list of jobs.
if admin.site.index_template is None:
    admin.site.index_template = "jobs/admin/index.html"
