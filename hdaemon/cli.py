"""The command line: `main` finds the subcommand, runs it, and makes one line of what goes wrong.

Imports no Qt: a subcommand that opens a window does, when it runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from hdaemon import __version__
from hdaemon.commands import doctor, install, send, serve, sessions, watch, window
from hdaemon.errors import HdaemonError, UsageError

__all__ = ["main"]

DESCRIPTION = "A live data port for SideFX Houdini: any program sends to it; see, store and cook what arrives."

EXAMPLES = """\
examples:
  hdaemon demo                     the panel with live senders: see what it does
  hdaemon serve                    listen without a window
  hdaemon send "Hello Houdini"     send to a running server
  hdaemon watch default            see what it receives
  hdaemon install                  set it up in Houdini

`hdaemon COMMAND -h` tells more. Exit status: 0 done, 1 failed, 2 wrong usage."""


@dataclass(frozen=True)
class _Command:
    """A subcommand: its line in the list, what its own help says before and after the arguments, and what it does."""

    name: str
    summary: str
    details: str
    examples: tuple[str, ...]
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


_COMMANDS = (
    _Command(
        "demo",
        "show the panel with a server and live senders",
        "Show the panel with a running server and programs that send to it: the original client, a camera 30 times a\n"
        "second, points of a simulation, and a burst of lines now and then. They end with the window.",
        ("hdaemon demo", "hdaemon demo --seconds 5 --screenshot shot.png"),
        window.add_demo_arguments,
        window.run_demo,
    ),
    _Command(
        "panel",
        "show the panel outside Houdini",
        "Show the panel as Houdini would, in a window of its own. The server is started and stopped there, and ends\n"
        "with the window.",
        ("hdaemon panel", "hdaemon panel --name second_server"),
        window.add_panel_arguments,
        window.run_panel,
    ),
    _Command(
        "serve",
        "listen without a window, a line a message",
        "Listen without a window and write what comes to standard output, one line a message. What happens (clients,\n"
        "modes, refusals) is told on standard error, first of all 'hdaemon: listening on HOST:PORT'. A busy port is\n"
        "followed by the next free one. Ctrl-C ends it.",
        ("hdaemon serve", "hdaemon serve --port 0 --json | jq .text", "hdaemon serve --host 0.0.0.0 --token"),
        serve.add_arguments,
        serve.run,
    ),
    _Command(
        "send",
        "send text, a file or standard input to a server",
        "Send to a channel of a running server: TEXT, a file as one message, or standard input when neither is given.\n"
        "A model arrives as a mesh; Houdini's own .bgeo and .geo, also compressed, are sent as they are.\n"
        "Of standard input each line is a message, sent as it comes; with a --type but text or json all of it is one.\n"
        "Ends with 0 when the server has acknowledged everything. In print mode it tells that nothing was stored.",
        (
            'hdaemon send "Hello Houdini"',
            "hdaemon send --channel maya/camera --type json '{\"tx\": 0.5}'",
            "hdaemon send --channel sim/points --file points.npy",
            "hdaemon send model.obj",
            "hdaemon send --watch --channel props/chair --up Z --unit 0.001 --file chair.stl",
            "tail -f sensor.log | hdaemon send --to 192.168.1.20:2000 --token THE_TOKEN",
        ),
        send.add_arguments,
        send.run,
    ),
    _Command(
        "watch",
        "print what comes in on a channel, a line a message",
        "Print what a running server receives on a channel, in either mode, beginning with the newest that it stored;\n"
        "a pattern shows several channels, each line with its own. What happens is told on standard error. A server\n"
        "that goes away is waited for, up to five minutes. Ctrl-C ends it. The exit status is 1 when --seconds are\n"
        "over before --count is reached.",
        (
            "hdaemon watch maya/camera",
            "hdaemon watch 'maya/#' --json | jq .text",
            "hdaemon watch default --count 1 --seconds 10",
        ),
        watch.add_arguments,
        watch.run,
    ),
    _Command(
        "sessions",
        "list the servers that run on this machine",
        "List your running servers: what they are called, where they listen and what they do. `hdaemon send --to\n"
        "NAME` finds one by its name, and its token too. What servers that crashed have left behind is removed.",
        ("hdaemon sessions", "hdaemon sessions --json | jq '.[].port'"),
        sessions.add_arguments,
        sessions.run,
    ),
    _Command(
        "install",
        "set hdaemon up in Houdini",
        "Write hdaemon's package into the preference folder of every Houdini found, and say what was written.\n"
        "The next start of Houdini has the panel, the shelf tool and the server.",
        ("hdaemon install --dry-run", "hdaemon install", "hdaemon install --prefs ~/houdini21.0"),
        install.add_install_arguments,
        install.run_install,
    ),
    _Command(
        "uninstall",
        "undo what install did",
        "Remove exactly what `hdaemon install` wrote, and say what was removed.",
        ("hdaemon uninstall --dry-run", "hdaemon uninstall"),
        install.add_uninstall_arguments,
        install.run_uninstall,
    ),
    _Command(
        "doctor",
        "find what is wrong and say how to mend it",
        "Look at Python, Qt, the port and Houdini's folders; say what is well, what is wrong and how to mend it.\n"
        "Nothing is changed. The exit status is 1 when something is wrong.",
        ("hdaemon doctor",),
        doctor.add_arguments,
        doctor.run,
    ),
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
    return int(args.run(args))


def _parser() -> argparse.ArgumentParser:
    keep_lines = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="hdaemon", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=keep_lines, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"hdaemon {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for command in _COMMANDS:
        sub = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.details,
            epilog="\n  ".join(("examples:", *command.examples)),
            formatter_class=keep_lines,
            allow_abbrev=False,
        )
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
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
