"""``manage.py revoketoken``: make API tokens invalid."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from jobs.core.users import find_user, names_of
from jobs.management.base import (
    BAD_INPUT,
    DONE,
    FAILED,
    FAULTS,
    JobsCommand,
    add_json_option,
    write_json,
)
from jobs.models import Token
from jobs.models.token import token_digest

STDIN: Final = "-"
_LONGEST_ID: Final = 18


class Command(JobsCommand):
    """Delete tokens: by id, by text or by user."""

    help = "Revoke API tokens: the next request with one is refused."
    exit_codes = {DONE: "revoked", **FAULTS, FAILED: "there is no such token"}

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments and options."""
        parser.add_argument(
            "ids",
            nargs="*",
            metavar="ID",
            help=f"a token's id; {STDIN} reads texts of tokens from standard input, one a line (on "
            "a command line others on this machine would see them)",
        )
        parser.add_argument("--user", help="the tokens of this user")
        parser.add_argument("--name", help="of those the ones with this name")
        parser.add_argument(
            "--dry-run", action="store_true", help="only say which ones; revoke nothing"
        )
        add_json_option(parser, "a document on each line: id, user, name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Revoke them; none if one of them does not exist."""
        ids, user, name = options["ids"], options["user"], options["name"]
        if bool(ids) == (user is not None) or (name is not None and user is None):
            said = "Give ids of tokens, or - for texts on standard input, or --user [--name]."
            raise CommandError(said, returncode=BAD_INPUT)
        tokens = list(_of_user(user, name)) if user is not None else list(_by_id(ids))
        if not tokens:
            raise CommandError("There is no such token.", returncode=FAILED)
        names = names_of(token.user_id for token in tokens)
        verb = "Would revoke" if options["dry_run"] else "Revoked"
        for token in tokens:
            document = {"id": token.pk, "user": names.get(token.user_id, ""), "name": token.name}
            if not options["dry_run"]:
                token.delete()
            if options["as_json"]:
                write_json(self.stdout, document)
            else:
                said = f"{verb} token {document['id']} of {document['user']}: {token.name}"
                self.stdout.write(said.removesuffix(": "))


def _of_user(name: str, token_name: str | None) -> Iterator[Token]:
    # Also of one who is not active: they may come back.
    user = find_user(name)
    if user is None:
        raise CommandError(f"There is no user named {name!r}.", returncode=BAD_INPUT)
    found = Token.objects.filter(user_id=user.pk)
    yield from found if token_name is None else found.filter(name=token_name)


def _by_id(ids: list[str]) -> Iterator[Token]:
    for one in ids:
        if one == STDIN:
            for line in filter(None, map(str.strip, sys.stdin)):
                yield _only({"digest": token_digest(line)}, "with a text that was given")
        elif one.isascii() and one.isdigit() and len(one) <= _LONGEST_ID:
            yield _only({"pk": int(one)}, f"with the id {one}")
        else:
            raise CommandError(
                "A token is named by its id, or its text is given on standard input (-).",
                returncode=BAD_INPUT,
            )


def _only(condition: dict[str, Any], which: str) -> Token:
    token = Token.objects.filter(**condition).first()
    if token is None:
        said = f"There is no token {which}. None was revoked."
        raise CommandError(said, returncode=FAILED)
    return token
