"""Commands with subcommands: ``manage.py queues pause mail``."""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.core.management.base import CommandParser, OutputWrapper

from .base import JobsCommand, add_json_option, describe_exit_codes, write_json
from .tables import Row, Table, write_table

Options = Mapping[str, Any]
JSON_HELP: Final = "write JSON: for a list one document a line"


@dataclass(frozen=True, slots=True)
class Output:
    """Where a subcommand writes: what was asked for to ``out``, everything else to ``err``."""

    out: OutputWrapper
    err: OutputWrapper
    as_json: bool

    def say(self, text: str) -> None:
        """Tell people what was done; programs learn it from ``document``."""
        if not self.as_json:
            self.out.write(text)

    def note(self, text: str) -> None:
        """Tell people something beside the result; it is no error, and not red."""
        self.err.write(text, style_func=str)

    def document(self, document: Any) -> None:
        """Write a document, if JSON is asked for."""
        if self.as_json:
            write_json(self.out, document)

    def table(self, table: Table, rows: Sequence[Row]) -> None:
        """Write a table, unless JSON is asked for."""
        if not self.as_json:
            write_table(self.out, table, rows)


class Subcommand(ABC):
    """One thing that a command does.

    Attributes:
        name: what it is called by.
        help: what it does, in a sentence.
        exit_codes: what its exit codes say, where they differ from its command's.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    exit_codes: ClassVar[Mapping[int, str] | None] = None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:  # noqa: B027  (few have any)
        """Declare its arguments and options."""

    @abstractmethod
    def run(self, output: Output, options: Options) -> None:
        """Do it.

        Raises:
            CommandError: with the exit code.
        """


class CommandWithSubcommands(JobsCommand):
    """A command whose first argument says what to do; without one, the first subcommand is run.

    Attributes:
        subcommands: what it can do.
    """

    subcommands: ClassVar[Sequence[Subcommand]]

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands; ``--json`` may stand before or after one's name."""
        add_json_option(parser, JSON_HELP)
        parser.set_defaults(subcommand=self.subcommands[0])
        self.subcommands[0].add_arguments(parser)
        names = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND")
        for one in self.subcommands:
            added = names.add_parser(
                one.name,
                help=one.help,
                description=one.help,
                epilog=describe_exit_codes(one.exit_codes or self.exit_codes),
            )
            # Otherwise its default would overwrite what was parsed before its name.
            add_json_option(added, JSON_HELP, default=argparse.SUPPRESS)
            one.add_arguments(added)
            added.set_defaults(subcommand=one)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the subcommand."""
        subcommand: Subcommand = options["subcommand"]
        subcommand.run(Output(self.stdout, self.stderr, options["as_json"]), options)
