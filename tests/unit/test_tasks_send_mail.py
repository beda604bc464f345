"""Sending mail as a task, through Django's backends and to a small SMTP server of our own."""

from __future__ import annotations

import smtplib
import socketserver
import threading
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.core import mail

from jobs.errors import GiveUp, InvalidArguments
from tests.unit.recorder import Recorder, context_for
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


class Smtp(socketserver.StreamRequestHandler):
    """Just enough SMTP: the recipient's name says what to answer."""

    answers = {b"nobody": b"550 No such user here", b"later": b"451 Try again later"}

    def handle(self) -> None:
        self.say(b"220 ready")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"RCPT":
                name = line.partition(b"<")[2].partition(b"@")[0]
                self.say(self.answers.get(name, b"250 fine"))
            elif word == b"DATA":
                self.say(b"354 go on")
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.say(b"554 No, thank you" if name == b"refused" else b"250 taken")
            else:
                self.say(b"221 bye" if word == b"QUIT" else b"250 fine")

    def say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


def use_smtp(port: int, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the mail as a deployment does, by the environment."""
    monkeypatch.setenv("EMAIL_HOST", "127.0.0.1")
    monkeypatch.setenv("EMAIL_PORT", str(port))
    for name, value in settings_of(django.VERSION).items():
        setattr(settings, name, value)


@pytest.fixture
def smtp(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Smtp) as server:
        use_smtp(server.server_address[1], settings, monkeypatch)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("smtp")
def test_a_server_takes_a_mail() -> None:
    assert sent() == "Sent to ada@example.com."


@pytest.mark.usefixtures("smtp")
def test_an_address_that_does_not_exist_is_given_up() -> None:
    with pytest.raises(GiveUp, match="refuses the recipient for good: 550 No such user here"):
        sent(to="nobody@example.com")


@pytest.mark.usefixtures("smtp")
@pytest.mark.parametrize("name", ["later", "refused"])
def test_a_refusal_is_tried_again(name: str) -> None:
    with pytest.raises(smtplib.SMTPException):
        sent(to=f"{name}@example.com")


def test_a_server_that_is_away_is_tried_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Smtp) as server:
        use_smtp(server.server_address[1], settings, monkeypatch)
    with pytest.raises(OSError):  # noqa: PT011 - its words and numbers are the system's
        sent()
