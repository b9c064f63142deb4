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
from embedlayer.cli import compare, demo, doctor, fasttext, files, phrases, plot, query, train, tune
from embedlayer.cli.signals import BY_SIGNAL, TOLD
from embedlayer.errors import EmbedlayerError

COMMANDS = (
    train.train,
    query.nearest,
    query.analogy,
    query.similarity,
    query.evaluate,
    plot.plot,
    tune.tune,
    compare.compare,
    phrases.phrases,
    files.convert,
    files.info,
    doctor.doctor,
    demo.demo,
    fasttext.fasttext,
)
MISTAKE, INTERRUPTED = 2, 130
MEMORY_CURE = "lower --dim or --max-vocab, or raise --min-count"


class _CommandLine(click.Group):
    """Commands that never end in a traceback for what a user can mend."""

    def main(self, args: Any = None, *_: Any, **extra: Any) -> NoReturn:
        if isinstance(sys.stdout, io.TextIOWrapper):  # whatever a terminal's encoding lacks
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            extra |= {"prog_name": "embedlayer", "standalone_mode": False}
            sys.exit(super().main(args, **extra))
        except click.Abort:  # Ctrl-C, while options are read
            click.echo("embedlayer: interrupted", err=True)
            sys.exit(INTERRUPTED)
        except (click.ClickException, EmbedlayerError, OSError, MemoryError) as error:
            click.echo(f"embedlayer: error: {_one_line(error)}", err=True)
            sys.exit(MISTAKE)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            number = getattr(stopped, "number", signal.SIGINT)
            click.echo(f"embedlayer: {TOLD[number]}", err=True)
            ctx.exit(BY_SIGNAL + number)


@click.group(
    cls=_CommandLine,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Word2vec-style embeddings on NumPy or CuPy."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in COMMANDS:
    main.add_command(command)


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
