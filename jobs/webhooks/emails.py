"""The e-mail that a job is done: what is in it, and the task that sends it."""

from __future__ import annotations

from smtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException
from typing import Any, Final

from django.core import mail
from django.core.mail import EmailMessage
from django.utils.translation import gettext as _
from django.utils.translation import override

from jobs.catalog import find_task
from jobs.catalog.context import JobContext
from jobs.core.db import as_uuid
from jobs.core.states import Status
from jobs.core.users import email_address, user_with_key
from jobs.errors import GiveUp
from jobs.models import EmailRequest, Job

from .events import Ended
from .sender import sender

EMAIL_TASK: Final = "jobs.send_job_email"


def email_of(row: Ended, request: EmailRequest) -> dict[str, Any]:
    """Return the arguments of the job that sends the e-mail of an ending."""
    return {
        "job": str(as_uuid(row.id)),
        "task": row.task,
        "status": row.status,
        "language": request.language,
        "site": request.site,
    }


@sender(title="Send the e-mail of a job", max_attempts=8, timeout=120.0)
def send_job_email(
    context: JobContext, job: str, task: str, status: str, language: str, site: str
) -> str:
    """Tell the owner of a job by e-mail that it has ended.

    Args:
        context: has the key of this e-mail, for its Message-ID.
        job: the id of the job.
        task: the name of its task.
        status: how it has ended.
        language: that of the submission; "" for the project's.
        site: the address below which everything is mounted.

    Raises:
        GiveUp: the job or its owner is gone, has no address, or the server refuses it for good.
    """
    owner_id = Job.objects.filter(pk=job).values_list("owner_id", flat=True).first()
    owner = None if owner_id is None else user_with_key(owner_id)
    to = email_address(owner)
    if not to:
        raise GiveUp("The job's owner has no e-mail address any more.")
    with override(language or None):
        subject, body = _text(task, status, job, site)
    message = EmailMessage(
        subject, body, to=[to], headers={"Message-ID": f"<{context.idempotency_key}@jobdesk>"}
    )
    try:
        _send(message)
    except SMTPException as error:
        if _is_final(error):
            raise GiveUp(f"The mail server refuses it for good: {error}") from error
        raise
    return f"Sent to {to}."


def _text(task: str, status: str, job: str, site: str) -> tuple[str, str]:
    """The subject and the body, in the language that is active."""
    found = find_task(task)
    values = {"task": task if found is None else found.title, "url": f"{site}jobs/{job}/"}
    subjects = {
        Status.SUCCEEDED: _("Done: %(task)s"),
        Status.FAILED: _("Failed: %(task)s"),
        Status.CANCELLED: _("Cancelled: %(task)s"),
    }
    sentences = {
        Status.SUCCEEDED: _("Your job “%(task)s” is done."),
        Status.FAILED: _("Your job “%(task)s” has failed."),
        Status.CANCELLED: _("Your job “%(task)s” was cancelled."),
    }
    what = Status(status)
    where = _("Its result, its log and its files are here:")
    why = _("You get this e-mail because it was asked for when the job was submitted.")
    subject = " ".join((subjects[what] % values).split())  # a header is one line
    return subject, f"{sentences[what] % values}\n\n{where}\n{values['url']}\n\n{why}\n"


def _send(message: EmailMessage) -> None:
    """Send by the default mailer: ``MAILERS`` is new in Django 6.1."""
    mailers = getattr(mail, "mailers", None)
    connection: Any = mail.get_connection() if mailers is None else mailers.default
    connection.send_messages([message])


def _is_final(error: SMTPException) -> bool:
    """Whether the server says that another attempt would end the same (5xx)."""
    code = 0
    if isinstance(error, SMTPRecipientsRefused):
        code = next((reply[0] for reply in error.recipients.values()), 0)
    elif isinstance(error, SMTPResponseException):
        code = error.smtp_code
    return 500 <= code < 600
