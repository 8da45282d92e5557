"""`hdaemon panel` and `hdaemon demo`: the panel in a window of its own. Qt is imported when they run."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hdaemon.commands import arguments, senders
from hdaemon.errors import BindError

if TYPE_CHECKING:
    from hdaemon_panel import ServerPanel

__all__ = ["add_demo_arguments", "add_panel_arguments", "run_demo", "run_panel"]

_DEMO_LIMIT_S = 24 * 3600
_END_SENDER_S = 3.0


def add_panel_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `hdaemon panel`."""
    parser.add_argument("--name", default="python_server", help="the server's name (default: %(default)s)")
    parser.add_argument("--size", type=_size, metavar="WxH", help="size of the window in pixels, such as 420x800")
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="end by itself after N seconds")
    parser.add_argument("--screenshot", type=Path, metavar="FILE.png", help="save a picture of the panel at the end")


def add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `hdaemon demo`."""
    add_panel_arguments(parser)
    parser.add_argument(
        "--port", type=arguments.port, default=2000, help="first port tried; 0: any free one (default: %(default)s)"
    )


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write it as 420x800")
    return int(width), int(height)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _DEMO_LIMIT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to a day")
    return seconds


def run_panel(args: argparse.Namespace) -> int:
    """Show a panel until its window is closed; return the exit status."""
    return _run(args)


def run_demo(args: argparse.Namespace) -> int:
    """Show a panel with a running server and live senders; return the exit status."""
    return _run(args, demo_port=args.port)


def _run(args: argparse.Namespace, demo_port: int | None = None) -> int:
    try:
        from hdaemon_panel import standalone
        from qtpy import QtCore
    except Exception as error:  # QtPy raises its own classes; whichever it is, the way out is the same
        print(
            f"hdaemon: a window needs Qt, and it could not be loaded ({error}); install it with: "
            'pip install "hdaemon[desktop]", or use `hdaemon serve`, which needs none',
            file=sys.stderr,
        )
        return 1
    import hdaemon

    if standalone.without_screen():
        print(
            "hdaemon: there is no screen here: the window is drawn in memory (--screenshot saves it)", file=sys.stderr
        )
    app = standalone.application()
    panel = standalone.window(args.name)
    if args.size:
        panel.resize(*args.size)
    running: list[subprocess.Popen[bytes]] = []
    if demo_port is not None:
        try:
            server = hdaemon.start(args.name, port=demo_port, mode="evaluate")
        except BindError as error:
            print(f"hdaemon: {error}", file=sys.stderr)
            return 1
        where = f"{server.host}:{server.port}"
        print(f"hdaemon: listening on {where}; {len(senders.KINDS)} programs are sending to it", file=sys.stderr)
        running = _start_senders(server.host, server.port, _DEMO_LIMIT_S)
    panel.show()
    signal.signal(signal.SIGINT, lambda *_: panel.close())  # delivered at the panel's next tick
    shots: list[bool] = []
    if args.screenshot:
        standalone.when_closing(panel, lambda: shots.append(_screenshot(panel, args.screenshot)))
    if args.seconds:
        QtCore.QTimer.singleShot(int(args.seconds * 1000), panel.close)
    try:
        app.exec_()
    finally:
        _end_senders(running)
        for started in hdaemon.servers():
            started.stop()
    return 0 if all(shots) else 1


def _screenshot(panel: ServerPanel, path: Path) -> bool:
    panel.sync()
    if panel.grab().save(str(path)):
        print(f"hdaemon: saved {path}", file=sys.stderr)
        return True
    print(f"hdaemon: {path} could not be written: is its folder there, and does it end with .png?", file=sys.stderr)
    return False


def _start_senders(host: str, port: int, seconds: float) -> list[subprocess.Popen[bytes]]:
    return [
        subprocess.Popen(
            [sys.executable, "-m", "hdaemon.commands.senders", kind, host, str(port), str(seconds)],
            stdin=subprocess.DEVNULL,
        )
        for kind in senders.KINDS
    ]


def _end_senders(processes: list[subprocess.Popen[bytes]]) -> None:
    for sender in processes:
        sender.terminate()
    for sender in processes:
        try:
            sender.wait(_END_SENDER_S)
        except subprocess.TimeoutExpired:
            sender.kill()
            sender.wait()
