"""``--help`` as a person reads it: as wide as the terminal, options in sections, examples.

The examples of a command are the end of its docstring: lines of a shell below ``Examples:``.
"""

import inspect
import shutil
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import click

from embedlayer.cli.choices import Choice, did_you_mean

MOST_COLUMNS, LEAST_COLUMNS = 100, 30
SIDE_BY_SIDE = 60  # columns from which what is told of an option stands beside it, not below
EXAMPLES = "\nExamples:\n"
OTHERS = "Options"  # the section of an option that is in none
SHORT_HELP = 200  # letters at most; it is wrapped


def section(name: str, *options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A decorator: these options, which ``--help`` shows below a heading of their own."""

    def decorated(command: Any) -> Any:
        before = len(getattr(command, "__click_params__", ()))
        for option in reversed(options):
            command = option(command)
        for parameter in command.__click_params__[before:]:
            parameter.section = name
        return command

    return decorated


class Formatter(click.HelpFormatter):
    """As wide as the terminal; where that is narrow, what is told of a name stands below it."""

    def __init__(self, *_: Any, **__: Any) -> None:
        columns = shutil.get_terminal_size().columns
        super().__init__(width=max(LEAST_COLUMNS, min(columns, MOST_COLUMNS)))

    def write_heading(self, heading: str) -> None:
        super().write_heading(click.style(heading, bold=True))

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        if self.width >= SIDE_BY_SIDE:
            super().write_dl(rows, col_max, col_spacing)
            return
        for term, told in rows:
            self.write_text(term)
            with self.indentation(), self.indentation():
                self.write_text(told)

    def write_shell(self, line: str) -> None:
        """A command or a comment; one that is too long is written so that a shell takes it."""
        comment = line.startswith("#")
        lines = textwrap.wrap(
            line,
            self.width - 2,  # room for the backslash
            initial_indent=" " * self.current_indent,
            subsequent_indent=" " * self.current_indent + ("# " if comment else "    "),
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.write(("\n" if comment else " \\\n").join(lines) + "\n")


class Context(click.Context):
    formatter_class = Formatter


class Documented(click.Command):
    """A command whose docstring may end in examples, and whose options may be in sections.

    Attributes:
        examples: lines of a shell, comments among them.
    """

    context_class = Context

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        text, _, lines = inspect.cleandoc(self.help or "").partition(EXAMPLES)
        self.help = text
        self.examples = [line.strip() for line in lines.splitlines()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Option):
                name = getattr(parameter, "section", OTHERS)
                sections.setdefault(name, []).extend(_records(parameter, ctx))
        for name, records in sections.items():
            with formatter.section(name):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if self.examples and isinstance(formatter, Formatter):
            with formatter.section("Examples"):
                for line in self.examples:
                    formatter.write_shell(line)


class DocumentedGroup(Documented, click.Group):
    """Commands, which may be in sections; a name that is none is told with the nearest.

    Attributes:
        sections: the names of commands below each heading, where there are sections.
    """

    command_class = Documented
    sections: dict[str, Sequence[str]]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sections = {}

    def add_section(self, heading: str, commands: Sequence[click.Command]) -> None:
        for command in commands:
            self.add_command(command)
        self.sections[heading] = [str(command.name) for command in commands]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for name, commands in (self.sections or {"Commands": self.list_commands(ctx)}).items():
            with formatter.section(name):
                formatter.write_dl(
                    [(one, self.commands[one].get_short_help_str(SHORT_HELP)) for one in commands]
                )

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}.{did_you_mean(name, self.commands)}")
        return super().resolve_command(ctx, args)


def _records(option: click.Option, ctx: click.Context) -> list[tuple[str, str]]:
    """What is told of an option, unless it is hidden."""
    record = option.get_help_record(ctx)
    if record is None:
        return []
    term, told = record
    if isinstance(option.type, Choice) and (names := option.type.listed()):
        told = f"{told}  [{names}]"
    return [(term, told)]
