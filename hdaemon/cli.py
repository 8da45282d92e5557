"""The command line: `main` finds the subcommand, runs it, and makes one line of what goes wrong.

Imports no Qt: a subcommand that opens a window does, when it runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from hdaemon import __version__
from hdaemon.commands import doctor, install, send, serve, window
from hdaemon.errors import HdaemonError, UsageError

__all__ = ["main"]

DESCRIPTION = "A live data port for SideFX Houdini: any program sends to it; see, store and cook what arrives."

EXAMPLES = """\
examples:
  hdaemon demo                     the panel with live senders: see what it does
  hdaemon serve                    listen without a window
  hdaemon send "Hello Houdini"     send to a running server
  hdaemon install                  set it up in Houdini

`hdaemon COMMAND -h` tells more. Exit status: 0 done, 1 failed, 2 wrong usage."""

_AddArguments = Callable[[argparse.ArgumentParser], None]
_Run = Callable[[argparse.Namespace], int]

_COMMANDS: tuple[tuple[str, str, _AddArguments, _Run], ...] = (
    ("demo", "show the panel with a server and live senders", window.add_demo_arguments, window.run_demo),
    ("panel", "show the panel outside Houdini", window.add_panel_arguments, window.run_panel),
    ("serve", "listen without a window, a line a message", serve.add_arguments, serve.run),
    ("send", "send text, a file or standard input to a server", send.add_arguments, send.run),
    ("install", "set hdaemon up in Houdini", install.add_install_arguments, install.run_install),
    ("uninstall", "undo what install did", install.add_uninstall_arguments, install.run_uninstall),
    ("doctor", "find what is wrong and say how to mend it", doctor.add_arguments, doctor.run),
)


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (by default the process's) and return its exit status.

    0: done. 1: failed, and standard error says why. 2: wrong usage. 130: interrupted by Ctrl-C.
    """
    try:
        status = _run(argv)
        # Here and not at exit, where a closed pipe would be told as an ignored exception.
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has what it wants
        _discard_stdout()
        return 0
    except KeyboardInterrupt:
        return 130
    except UsageError as error:
        return _failed(error, 2)
    except (HdaemonError, OSError) as error:  # OSError: a file or folder a command met; its text names it
        return _failed(error, 1)
    return status


def _run(argv: list[str] | None) -> int:
    parser = _parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as end:  # argparse has said all there is to say
        return end.code if isinstance(end.code, int) else 2
    if args.run is None:
        parser.print_help(sys.stderr)
        return 2
    run: _Run = args.run
    return run(args)


def _parser() -> argparse.ArgumentParser:
    keep_lines = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="hdaemon", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=keep_lines, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"hdaemon {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name, summary, add_arguments, run in _COMMANDS:
        command = commands.add_parser(name, help=summary, formatter_class=keep_lines, allow_abbrev=False)
        add_arguments(command)
        command.set_defaults(run=run)
    return parser


def _failed(error: Exception, status: int) -> int:
    try:
        print(f"hdaemon: {error}", file=sys.stderr)
    except (OSError, ValueError):  # standard error is closed; the status says it
        pass
    return status


def _discard_stdout() -> None:
    """Let what is still buffered go nowhere when the interpreter flushes it."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # no such device, or a standard output without a descriptor: nothing to be done
        pass
