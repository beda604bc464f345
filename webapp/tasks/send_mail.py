"""A task for staff only; it decides which failures are worth another attempt."""

from __future__ import annotations

import re
from contextlib import suppress
from email.utils import parseaddr
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from typing import Annotated, Any

from django.core import mail
from django.core.mail import EmailMessage
from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic.networks import validate_email as validate_as_pydantic

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


def ascii_address(address: str) -> str:
    """Return the address as every mail server takes it: an international domain in Punycode.

    There is no such form of a part before the @ that is not ASCII. A server could take it by an
    extension (SMTPUTF8, RFC 6531), but Django does not use that.

    Raises:
        ValueError: it has no such form, or is no address.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise ValueError(f"E-mail cannot be sent to {address[:100]}. {error}") from None
    return found.ascii_email or address


def _deliverable(address: str) -> str:
    written = validate_as_pydantic(address)[1]
    ascii_address(written)
    return written


# As ``EmailStr``, which would import email_validator at once: its regular expressions take 60 ms of
# CPU to compile, a tenth of what a process of this site takes to start.
Recipient = Annotated[
    str,
    AfterValidator(_deliverable),
    WithJsonSchema({"type": "string", "format": "email"}),
]
Subject = Annotated[
    str,
    Field(max_length=200, json_schema_extra={"pattern": r"^[^\u0000-\u001f\u007f]*$"}),
    AfterValidator(one_line),
]


_WHAT_IS_REFUSED: dict[type[SMTPException], str] = {
    SMTPConnectError: "the connection",
    SMTPHeloError: "the greeting",
    SMTPAuthenticationError: "the login",
    SMTPSenderRefused: "the sender",
    SMTPRecipientsRefused: "the recipient",
    SMTPDataError: "the message",
}


@job(title="Send an e-mail", permission="staff", timeout=120, max_attempts=5)
def send_mail(context: JobContext, to: Recipient, subject: Subject, body: LongText) -> str:
    """Send one e-mail to one address.

    What the mail server refuses for now (4xx) is tried again later, and so is a connection that
    fails. What it refuses for good (5xx) is not. A server that goes away after it got the whole
    message may have sent it: another attempt carries the same Message-ID.
    """
    message = EmailMessage(
        subject,
        body,
        to=[_checked_address(to, subject)],
        headers={"Message-ID": f"<{context.idempotency_key}@jobdesk>"},
    )
    try:
        _check_sender(message.from_email)
        _send(message)
    except SMTPException as error:
        raise _final_or_retryable(error) from error
    except ValueError as error:  # the sender's address, which is a setting
        raise GiveUp(f"The e-mail cannot be sent: {error}") from error
    return f"Sent to {to}."


def _checked_address(to: str, subject: str) -> str:
    """Check again what was checked at submission: the job may be older than that check."""
    try:
        one_line(subject)
        return ascii_address(one_line(to))
    except ValueError as error:
        raise GiveUp(f"The address or the subject cannot be sent. {error}") from error


def _check_sender(sender: str) -> None:
    """Refuse what Django 5.2 would send in a form that is not the address."""
    local_part = parseaddr(sender)[1].rpartition("@")[0]
    if not local_part.isascii():
        raise ValueError(f"DEFAULT_FROM_EMAIL is {sender}: before the @ it must be ASCII.")


def _send(message: EmailMessage) -> None:
    """Send the message; how the connection ends after that changes nothing.

    ``EmailMessage.send`` says goodbye before it returns. A server that fails there would hide that
    it took the message, which would be sent again, or with what words it did not.
    """
    connection = _connection()
    try:
        connection.open()
        connection.send_messages([message])
    finally:
        with suppress(OSError):  # smtplib's exceptions are OSErrors too
            connection.close()


def _connection() -> Any:
    """Return an unopened connection of the default mailer: ``MAILERS`` is new in Django 6.1."""
    mailers = getattr(mail, "mailers", None)
    return mail.get_connection() if mailers is None else mailers.default


def _final_or_retryable(error: SMTPException) -> Exception:
    """Return GiveUp for what the server calls permanent (5xx), the error itself for the rest."""
    if isinstance(error, SMTPNotSupportedError):
        return GiveUp(f"The mail server cannot do what the settings ask for: {error}")
    code, reason = _reply_of(error)
    if not 500 <= code < 600:
        return error
    text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    what = _WHAT_IS_REFUSED.get(type(error), "the command")
    return GiveUp(f"The mail server refuses {what} for good: {code} {text}")


def _reply_of(error: SMTPException) -> tuple[int, bytes | str]:
    """Return the server's code and words; 0 if it gave none, as when it went away."""
    if isinstance(error, SMTPRecipientsRefused):
        return next(iter(error.recipients.values()), (0, b""))
    if isinstance(error, SMTPResponseException):
        return error.smtp_code, error.smtp_error
    return 0, b""
