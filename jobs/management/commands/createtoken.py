"""``manage.py createtoken``: issue an API token."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from jobs.core.credentials import SCOPES
from jobs.core.users import user_name
from jobs.errors import InvalidOptions
from jobs.management.base import BAD_INPUT, JobsCommand, add_json_option, write_json
from jobs.management.users import user_named
from jobs.models import Token
from jobs.models.token import Grant
from jobs.queries.job_fields import utc_text
from jobs.queries.token_grants import checked_grant

_OPTIONS: Final = {
    "/scopes": "scope",
    "/tasks": "tasks",
    "/queues": "queues",
    "/expires": "expires",
}


class Command(JobsCommand):
    """Issue a token and print it, once: only its hash is kept."""

    help = "Issue an API token for a user and print it. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments and options."""
        parser.add_argument("user", help="the user that the token acts for")
        parser.add_argument("--name", default="", help="what it is for")
        parser.add_argument(
            "--scope",
            metavar="A,B",
            help=f"what it may do, of {','.join(SCOPES)}; without it, all of them",
        )
        parser.add_argument("--tasks", metavar="A,B", help="only jobs of these tasks")
        parser.add_argument("--queues", metavar="A,B", help="only jobs in these queues")
        parser.add_argument(
            "--expires", metavar="30d", help="how long it is valid: 90m, 12h, 30d; else for ever"
        )
        add_json_option(parser, "one document: user, name, token, id, expires_at")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the token."""
        user = user_named(options["user"])
        name = str(options["name"])[: Token._meta.get_field("name").max_length]
        token, text = Token.objects.issue(user, name, _grant(options))
        if not options["as_json"]:
            self.stdout.write(text)
            return
        ends = None if token.expires_at is None else utc_text(token.expires_at)
        document = {"user": user_name(user), "name": name, "token": text}
        write_json(self.stdout, {**document, "id": token.pk, "expires_at": ends})


def _grant(options: dict[str, Any]) -> Grant:
    scopes, tasks, queues = (_names(options[name]) for name in ("scope", "tasks", "queues"))
    try:
        return checked_grant(scopes, tasks, queues, options["expires"])
    except InvalidOptions as error:
        said = [f"--{_OPTIONS[one['pointer']]}: {one['detail']}" for one in error.errors]
        raise CommandError(" ".join(said), returncode=BAD_INPUT) from error


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [one.strip() for one in text.split(",") if one.strip()]
