"""``manage.py createtoken``: issue an API token."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from jobs.core.users import user_name
from jobs.management.base import JobsCommand, add_json_option, write_json
from jobs.management.users import user_named
from jobs.models import Token


class Command(JobsCommand):
    """Issue a token and print it, once: only its hash is kept."""

    help = "Issue an API token for a user and print it. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments and options."""
        parser.add_argument("user", help="the user that the token acts for")
        parser.add_argument("--name", default="", help="what it is for")
        add_json_option(parser, "one document: user, name, token")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue the token."""
        user = user_named(options["user"])
        name = str(options["name"])[: Token._meta.get_field("name").max_length]
        token = Token.objects.issue(user, name)[1]
        if options["as_json"]:
            write_json(self.stdout, {"user": user_name(user), "name": name, "token": token})
        else:
            self.stdout.write(token)
