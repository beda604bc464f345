"""A task for staff only; it decides which failures are worth another attempt."""

from __future__ import annotations

import re
from smtplib import SMTPRecipientsRefused
from typing import Annotated

from django.core.mail import EmailMessage
from pydantic import AfterValidator, EmailStr, Field

from jobs import JobContext, LongText, job
from jobs.errors import GiveUp

# Any character that some program takes for a line break could start another header ("Bcc: ...").
LINE_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def one_line(text: str) -> str:
    """Return the text unchanged.

    Raises:
        ValueError: it contains a line break or another control character.
    """
    if LINE_BREAKS.search(text):
        raise ValueError("It must be one line, without line breaks or control characters.")
    return text


Subject = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": r"^[^\u0000-\u001f\u007f]*$"}),
    AfterValidator(one_line),
]


@job(title="Send an e-mail", permission="staff", timeout=120, max_attempts=5)
def send_mail(context: JobContext, to: EmailStr, subject: Subject, body: LongText) -> str:
    """Send one e-mail to one address.

    A server that refuses is asked again later. An address that it says does not exist is not.
    """
    _check_headers(to, subject)
    message = EmailMessage(
        subject, body, to=[to], headers={"Message-ID": f"<{context.idempotency_key}@jobdesk>"}
    )
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        raise _final_or_retryable(error) from error
    return f"Sent to {to}."


def _check_headers(*texts: str) -> None:
    """Check again what was checked at submission: the job may be older than that check."""
    try:
        for text in texts:
            one_line(text)
    except ValueError as error:
        raise GiveUp(f"The address or the subject cannot be sent. {error}") from error


def _final_or_retryable(error: SMTPRecipientsRefused) -> Exception:
    """Return GiveUp for what the server calls permanent (5xx), the error itself for the rest."""
    refusals = list(error.recipients.values())
    if not refusals or not all(500 <= code < 600 for code, _ in refusals):
        return error
    code, reason = refusals[0]
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return GiveUp(f"The mail server refuses the recipient for good: {code} {text}")
