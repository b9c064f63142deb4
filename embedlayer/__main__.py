"""The command, ``embedlayer`` or ``python -m embedlayer``: Ctrl-C ends it quietly at any time."""

import signal
import sys


def main() -> None:
    """Run the command line, from before its imports until the process is gone."""
    try:
        from embedlayer.cli import main as command
        from embedlayer.cli.streams import settle_streams

        settle_streams()
        command()
    except KeyboardInterrupt:  # outside the command's own work: while it is imported, say
        print("embedlayer: interrupted", file=sys.stderr)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: nothing is left to stop


if __name__ == "__main__":
    main()
