"""Completion by the shell's Tab key: the script of each shell, and the words of vectors."""

import re

import click
from click.shell_completion import CompletionItem, get_completion_class

from embedlayer.cli.choices import Choice
from embedlayer.cli.help import Documented
from embedlayer.cli.output import tell
from embedlayer.errors import EmbedlayerError
from embedlayer.vectors.beginnings import words_beginning

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_EMBEDLAYER_COMPLETE"
MOST_WORDS = 50  # that are offered
# Words that a shell would take for something else, unless they are quoted.
SPECIAL = re.compile(r"""^-|[\s,'"\\$`!&;|<>()*?{}~#\[\]\x00-\x1f]""")


@click.command(cls=Documented)
@click.argument("shell", type=Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, files and words.

    Keep it in a file that the shell reads when it begins, and open a new terminal.

    Examples:
        # bash, with its package bash-completion
        embedlayer completion bash > ~/.local/share/bash-completion/completions/embedlayer
        # zsh, with this line in ~/.zshrc, below compinit: source ~/.embedlayer.zsh
        embedlayer completion zsh > ~/.embedlayer.zsh
        # fish
        embedlayer completion fish > ~/.config/fish/completions/embedlayer.fish
    """
    root = context.find_root()
    found = get_completion_class(shell)
    if found is None:
        raise EmbedlayerError(f"this version of click has no completion for {shell}")
    tell(found(root.command, {}, str(root.info_name), VARIABLE).source())


def words_of_file(
    context: click.Context, _: click.Parameter, beginning: str
) -> list[CompletionItem]:
    """The words of the file of vectors that begin so; none where the file has to be parsed."""
    try:
        words = words_beginning(context.params["path"], beginning, MOST_WORDS)
    except (EmbedlayerError, OSError):  # the command tells what is wrong
        return []
    return [CompletionItem(word) for word in words if not SPECIAL.search(word)]
