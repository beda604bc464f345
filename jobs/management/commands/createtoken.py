"""``manage.py createtoken``: issue an API token."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from jobs.management.database_command import DatabaseCommand
from jobs.management.users import user_named
from jobs.models import Token


class Command(DatabaseCommand):
    """Issue a token and print it, once: only its hash is kept."""

    help = "Issue an API token for a user and print it. It is shown this once."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="the user that the token acts for")
        parser.add_argument("--name", default="", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        user = user_named(options["user"])
        name = str(options["name"])[: Token._meta.get_field("name").max_length]
        self.stdout.write(Token.objects.issue(user, name)[1])
