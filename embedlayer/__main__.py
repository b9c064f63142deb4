"""The command, ``embedlayer`` or ``python -m embedlayer``: Ctrl-C ends it quietly at any time."""

import gc
import signal
import sys


def main() -> None:
    """Run the command line, from before its imports until the process is gone."""
    try:
        gc.disable()  # of what is imported nothing is garbage
        from embedlayer.cli import main as command
        from embedlayer.cli.streams import settle_streams

        gc.freeze()
        gc.enable()
        settle_streams()
        command()
    except KeyboardInterrupt:  # outside the command's own work: while it is imported, say
        print("embedlayer: interrupted", file=sys.stderr)
        sys.exit(130)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: nothing is left to stop
        gc.freeze()  # nor to be looked through for garbage, which took 0.4 s


if __name__ == "__main__":
    main()
