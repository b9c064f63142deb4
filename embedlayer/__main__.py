"""The command, ``embedlayer`` or ``python -m embedlayer``: Ctrl-C ends it quietly at any time."""

import atexit
import gc
import os
import signal
import sys


def main() -> None:
    """Run the command line, from before its imports until the process is gone."""
    ending = _Ending()
    if not atexit._ncallbacks():  # those of others would be called after it
        atexit.register(ending)
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
    except SystemExit as ended:
        ending.code = ended.code or 0
        raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: nothing is left to stop
        gc.freeze()  # nor to be looked through for garbage, which took 0.4 s


class _Ending:
    """Ends a process whose command is done: to take Python apart, piece by piece, takes 0.2 s."""

    code: object = "not known"

    def __call__(self) -> None:
        if isinstance(self.code, int):
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            except (
                AttributeError,
                OSError,
                ValueError,
            ):  # gone, full or closed: Python tells of it
                return
            os._exit(self.code)


if __name__ == "__main__":
    main()
