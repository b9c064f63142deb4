"""The command line: its commands, and how they end.

A command is one function, thin over the public API. Standard output has what was asked for (with
``--json`` one JSON object), standard error everything else. Exit codes: 0; 2 for a user's mistake,
told in one line; 130 after Ctrl-C, 143 after SIGTERM.
"""

import io
import signal
import sys
from typing import Any, NoReturn

import click

from embedlayer import __version__
from embedlayer.cli import (
    compare,
    completion,
    demo,
    doctor,
    evaluate,
    fasttext,
    files,
    phrases,
    plot,
    query,
    train,
    tune,
)
from embedlayer.cli.help import DocumentedGroup
from embedlayer.cli.signals import BY_SIGNAL, TOLD
from embedlayer.cli.terminal import wants_color
from embedlayer.errors import EmbedlayerError

COMMANDS: dict[str, tuple[click.Command, ...]] = {
    "Training": (train.train, tune.tune, phrases.phrases, demo.demo),
    "Questions": (query.nearest, query.analogy, query.similarity, evaluate.evaluate),
    "Pictures": (plot.plot, compare.compare),
    "Files": (files.convert, files.info),
    "This program": (doctor.doctor, completion.completion, fasttext.fasttext),
}
PROGRAM = "embedlayer"
MISTAKE, INTERRUPTED = 2, 130
MEMORY_CURE = "lower --dim or --max-vocab, or raise --min-count"


class _CommandLine(DocumentedGroup):
    """Commands that never end in a traceback for what a user can mend."""

    def main(self, args: Any = None, *_: Any, **extra: Any) -> NoReturn:
        if isinstance(sys.stdout, io.TextIOWrapper):  # whatever a terminal's encoding lacks
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            extra |= {"prog_name": PROGRAM, "standalone_mode": False, "color": wants_color()}
            sys.exit(super().main(args, **extra))
        except click.Abort:  # Ctrl-C, while options are read
            click.echo(f"{PROGRAM}: interrupted", err=True)
            sys.exit(INTERRUPTED)
        except (click.ClickException, EmbedlayerError, OSError, MemoryError) as error:
            mark = click.style("error:", fg="red", bold=True)
            click.echo(f"{PROGRAM}: {mark} {_one_line(error)}", err=True, color=wants_color())
            sys.exit(MISTAKE)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            number = getattr(stopped, "number", signal.SIGINT)
            click.echo(f"{PROGRAM}: {TOLD[number]}", err=True)
            ctx.exit(BY_SIGNAL + number)


@click.group(
    cls=_CommandLine,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Word2vec-style embeddings on NumPy or CuPy.

    Each command has examples: embedlayer train --help.

    Examples:
        embedlayer demo
        embedlayer train corpus.txt -o vectors.safetensors
        embedlayer nearest vectors.safetensors king queen
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for heading, commands in COMMANDS.items():
    main.add_section(heading, commands)


def _one_line(error: Exception) -> str:
    """What was wrong, and where to read on."""
    text = str(error)
    if isinstance(error, click.ClickException):
        text = error.format_message()
        if isinstance(error, click.UsageError) and error.ctx is not None:
            text += f" (see {error.ctx.command_path} --help)"
    elif isinstance(error, MemoryError):
        text = f"not enough memory: {text or 'the system gives no more'}; {MEMORY_CURE}"
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(text.split())
