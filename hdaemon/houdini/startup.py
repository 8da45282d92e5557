"""Starting the server with Houdini; called by scripts/pythonrc.py."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hdaemon.houdini import environment

if TYPE_CHECKING:
    from hdaemon.server.thread import HPythonServer

__all__ = ["start_from_environment"]

SERVER_NAME = "python_server"

_BATCH = ("hython", "hbatch")
"""How the names of the programs without an interface begin. In pythonrc, hou.isUIAvailable() may still say False in
the program with one, so there the name decides."""


def start_from_environment(early: bool = False) -> HPythonServer | None:
    """Start the server "python_server" as the environment and the remembered settings say, and say so.

    HDAEMON_AUTOSTART, _HOST, _PORT and _TOKEN win over what the panel remembered. Without an interface (hython,
    hbatch) the server starts only when HDAEMON_AUTOSTART asks for it.

    Never raises: what goes wrong is one line on standard error.

    Args:
        early: called from Houdini's pythonrc.py. Where an interface is to come nothing is done then, as importing Qt
            that early has crashed Houdini 20.5; uiready.py follows.

    Returns:
        The running server, or None when it is not to start or could not.
    """
    try:
        server = _start(early)
    except Exception as error:  # a start-up file that raises would stop the files after it
        _write(sys.stderr, f"hdaemon: the server was not started: {error} (`hdaemon doctor` tells more)")
        return None
    if server is not None:
        _write(sys.stdout, f"started python server in thread: {SERVER_NAME}")
    return server


def _start(early: bool) -> HPythonServer | None:
    interface = _has_interface(early)
    if early and interface:
        return None
    asked = environment.read()
    if asked.autostart is False or (not interface and not asked.autostart):
        return None
    import hdaemon
    from hdaemon.server import settings  # imports Qt: not before it is known that the server may start

    remembered = settings.load()
    if asked.autostart is None and not remembered.autostart:
        return None
    return hdaemon.start(
        SERVER_NAME,
        remembered.host if asked.host is None else asked.host,
        remembered.port if asked.port is None else asked.port,
        remembered.mode,
        token=asked.token or remembered.token(),
        locked=remembered.locked,
        raw_framing=remembered.raw_framing,
        limits=remembered.limits,
    )


def _has_interface(early: bool) -> bool:
    import hou

    if early:
        return not hou.applicationName().lower().startswith(_BATCH)
    return bool(hou.isUIAvailable())


def _write(stream: object, line: str) -> None:
    # A program without a console has no streams on Windows. One write, so that no other thread's text gets between.
    if stream is not None:
        stream.write(line.replace("\n", " ") + "\n")  # type: ignore[attr-defined]
