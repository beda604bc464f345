"""Sending mail as a task, through Django's backends and to a small SMTP server of our own."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.core import mail

from jobs.errors import GiveUp, InvalidArguments
from tests.ports import free_port
from tests.unit.recorder import Recorder, context_for
from tests.unit.smtp_server import SmtpServer
from webapp.mail import settings_of
from webapp.tasks.send_mail import send_mail

RUN: Any = send_mail.func  # with its context, which who enqueues it does not give
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00"]


def sent(to: str = "ada@example.com", subject: str = "Hello", body: str = "A\nB") -> str:
    return str(RUN(context_for(Recorder()), to, subject, body))


def test_a_mail_is_sent_through_djangos_backend() -> None:
    assert sent() == "Sent to ada@example.com."
    (message,) = mail.outbox
    assert (message.to, message.subject, message.body) == (["ada@example.com"], "Hello", "A\nB")


def test_another_attempt_of_a_job_sends_the_same_message_id() -> None:
    context = context_for(Recorder())
    for _ in range(2):
        RUN(context, "ada@example.com", "Hello", "")
    ids = {str(message.message()["Message-ID"]) for message in mail.outbox}
    assert ids == {f"<{context.idempotency_key}@jobdesk>"}


def test_only_staff_may_submit_it() -> None:
    assert send_mail.permission == "staff"


@pytest.mark.parametrize("line_break", BREAKS)
def test_a_line_break_in_the_subject_is_refused_at_submission(line_break: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        send_mail.spec.validate(
            {"to": "a@example.com", "subject": f"x{line_break}Bcc: b@example.com", "body": ""}
        )
    assert [error["pointer"] for error in caught.value.errors] == ["/subject"]


@pytest.mark.parametrize("line_break", BREAKS)
def test_a_line_break_in_the_address_is_refused_at_submission(line_break: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        send_mail.spec.validate(
            {"to": f"a@example.com{line_break}Bcc: b@example.com", "subject": "", "body": ""}
        )
    assert [error["pointer"] for error in caught.value.errors] == ["/to"]


@pytest.mark.parametrize("line_break", BREAKS)
def test_a_line_break_is_refused_again_at_sending(line_break: str) -> None:
    with pytest.raises(GiveUp, match="one line"):
        sent(subject=f"x{line_break}Bcc: b@example.com")
    with pytest.raises(GiveUp, match="one line"):
        sent(to=f"a@example.com{line_break}")
    assert mail.outbox == []


# --- Addresses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("jöhn@example.com", "Internationalized characters before the @-sign are not supported"),
        ("用户@example.com", "Internationalized characters before the @-sign are not supported"),
        ("a@b@example.com", "."),
        ("ada@example.com, bob@example.com", "."),
        ("ada@localhost", "."),
        ("ada@[127.0.0.1]", "."),
        ("ada@☃.example", "."),
        ("@example.com", "."),
        ("ada", "."),
        (f"{'a' * 250}@example.com", "."),
        (f"ada@{'a' * 64}.com", "."),
        (f"ada@{'a.' * 124}com", "."),
        ("ada@example..com", "."),
        (".ada@example.com", "."),
        ("ada@example.com\x00", "."),
        ("", "."),
    ],
)
def test_an_address_that_nobody_can_send_to_is_refused_at_submission(
    address: str, words: str
) -> None:
    with pytest.raises(InvalidArguments, match=words) as caught:
        send_mail.spec.validate({"to": address, "subject": "", "body": ""})
    assert [error["pointer"] for error in caught.value.errors] == ["/to"]


@pytest.mark.parametrize(
    ("address", "sent_to"),
    [
        ("ada@example.com", "ada@example.com"),
        ("ada+lists@mail.example.com", "ada+lists@mail.example.com"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("ada@bücher.example.com", "ada@xn--bcher-kva.example.com"),
        ("ada@faß.com", "ada@xn--fa-hia.com"),  # Python's own codec makes fass.com of it
        ("ada@xn--bcher-kva.com", "ada@xn--bcher-kva.com"),
    ],
)
def test_an_international_domain_is_sent_in_punycode(
    smtp: SmtpServer, address: str, sent_to: str
) -> None:
    assert send_mail.spec.validate({"to": address, "subject": "", "body": ""})
    assert sent(to=address) == f"Sent to {address}."
    assert smtp.recipients == [sent_to]
    assert f"To: {sent_to}" in smtp.messages[0]


def test_a_job_that_is_older_than_the_check_fails_for_good() -> None:
    with pytest.raises(GiveUp, match="cannot be sent"):
        sent(to="jöhn@example.com")
    assert mail.outbox == []


def test_a_sender_that_nobody_can_send_from_fails_for_good(smtp: SmtpServer, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "jöbs@example.com"
    with pytest.raises(GiveUp, match=r"The e-mail cannot be sent.*jöbs@example\.com"):
        sent()
    assert smtp.messages == []


# --- What the server says ------------------------------------------------------------------


@pytest.fixture
def smtp(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        use_smtp(server.port, settings, monkeypatch)
        yield server


def use_smtp(port: int, settings: Any, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """Configure the mail as a deployment does, by the environment."""
    for name, value in {"HOST": "127.0.0.1", "PORT": str(port), **more}.items():
        monkeypatch.setenv(f"EMAIL_{name}", value)
    for name, value in settings_of(django.VERSION).items():
        setattr(settings, name, value)


LOGIN = {"HOST_USER": "ada", "HOST_PASSWORD": "secret"}
# The command that is answered so, the settings that make us send it, and what is said of it.
STEPS = {
    "CONNECT": ({}, "the connection"),
    "EHLO HELO": ({}, "the greeting"),
    "STARTTLS": ({"USE_TLS": "1"}, "the command"),
    "AUTH": (LOGIN, "the login"),
    "MAIL": ({}, "the sender"),
    "RCPT": ({}, "the recipient"),
    "DATA": ({}, "the message"),
    "BODY": ({}, "the message"),
}


@pytest.mark.parametrize("code", [500, 501, 502, 521, 530, 535, 550, 552, 553, 554, 599])
@pytest.mark.parametrize("step", STEPS)
def test_what_a_server_refuses_for_good_is_given_up(
    smtp: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch, step: str, code: int
) -> None:
    more, what = STEPS[step]
    use_smtp(smtp.port, settings, monkeypatch, **more)
    smtp.answers = dict.fromkeys(step.split(), f"{code} No, thank you")
    with pytest.raises(GiveUp) as caught:
        sent()
    assert str(caught.value) == f"The mail server refuses {what} for good: {code} No, thank you"


@pytest.mark.parametrize("code", [421, 432, 450, 451, 452, 454, 499])
@pytest.mark.parametrize("step", STEPS)
def test_what_a_server_refuses_for_now_is_tried_again(
    smtp: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch, step: str, code: int
) -> None:
    use_smtp(smtp.port, settings, monkeypatch, **STEPS[step][0])
    smtp.answers = dict.fromkeys(step.split(), f"{code} Later, please")
    with pytest.raises(smtplib.SMTPException, match=rf"{code}"):
        sent()


@pytest.mark.parametrize("step", [*STEPS, "EHLO"])
def test_a_server_that_goes_away_is_tried_again(
    smtp: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    use_smtp(smtp.port, settings, monkeypatch, **STEPS.get(step, ({}, ""))[0])
    smtp.answers = dict.fromkeys(step.split(), "")
    with pytest.raises(OSError):  # noqa: PT011 - smtplib's, or the system's, in its own words
        sent()


def test_a_server_that_does_not_know_ehlo_is_greeted_in_the_old_way(smtp: SmtpServer) -> None:
    smtp.answers = {"EHLO": "502 What?"}
    assert sent() == "Sent to ada@example.com."


@pytest.mark.parametrize("more", [{"USE_TLS": "1"}, LOGIN])
def test_a_server_that_cannot_do_what_the_settings_ask_for_is_given_up(
    smtp: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    use_smtp(smtp.port, settings, monkeypatch, **more)
    smtp.answers = {"EHLO": "250 plain"}
    with pytest.raises(GiveUp, match="cannot do what the settings ask for"):
        sent()


@pytest.mark.parametrize("goodbye", ["", "554 Never", "421 Later", "garbage"])
def test_a_message_that_was_taken_is_sent_however_the_server_says_goodbye(
    smtp: SmtpServer, goodbye: str
) -> None:
    smtp.answers = {"QUIT": goodbye}
    assert sent() == "Sent to ada@example.com."
    assert len(smtp.messages) == 1


def test_a_server_that_hangs_at_the_end_has_taken_the_message(
    smtp: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_smtp(smtp.port, settings, monkeypatch, TIMEOUT="1")
    smtp.silent = {"QUIT"}
    assert sent() == "Sent to ada@example.com."


def test_a_server_that_hangs_after_its_refusal_has_refused(
    smtp: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_smtp(smtp.port, settings, monkeypatch, TIMEOUT="1")
    smtp.answers, smtp.silent = {"BODY": "554 Spam"}, {"QUIT"}
    with pytest.raises(GiveUp, match="554 Spam"):
        sent()


def test_a_server_that_hangs_is_tried_again(
    smtp: SmtpServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_smtp(smtp.port, settings, monkeypatch, TIMEOUT="1")
    smtp.silent = {"MAIL"}
    with pytest.raises(OSError, match="timed out"):
        sent()


def test_a_server_that_is_away_is_tried_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_smtp(free_port(), settings, monkeypatch)
    with pytest.raises(OSError):  # noqa: PT011 - its words and numbers are the system's
        sent()
