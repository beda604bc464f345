"""Django's admin for jobs, queues, consumers, uploads, tokens, webhooks and quarantined
messages."""

from django.contrib import admin

from .consumer import ConsumerAdmin
from .job import JobAdmin
from .quarantine import QuarantineAdmin
from .queue import QueueAdmin
from .token import TokenAdmin
from .upload import UploadAdmin
from .webhook import WebhookAdmin

__all__ = [
    "ConsumerAdmin",
    "JobAdmin",
    "QuarantineAdmin",
    "QueueAdmin",
    "TokenAdmin",
    "UploadAdmin",
    "WebhookAdmin",
]

# The index of Django's own admin begins with the dashboard. A project with a template of its own
# keeps that, and finds the dashboard under its own address.
if admin.site.index_template is None:
    admin.site.index_template = "jobs/admin/index.html"
