"""What starting costs: `import hdaemon`, a server, and a panel whose log is full.

``python bench/start.py [--short]``. Every time is taken in a fresh process, as an artist meets it: what is imported
late is part of it. Files lie in the system's cache, and are compiled, as at every start but the first of the day: each
kind of process runs once before it is timed, and what Python compiled is kept, whatever PYTHONDONTWRITEBYTECODE says.

- The import: a process that imports hdaemon, less one that does nothing, from its start to its end; they take turns.
- The server: from the call of `start` to its return, when the port is open. Qt is there already, as in Houdini.
- The panel: from nothing of it being imported until the whole window has been painted; the log holds 100,000 lines,
  which came by the port. What a second panel takes is said beside it.
"""

from __future__ import annotations

import atexit
import functools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from figure import Figure, interleaved, medians
from judge import alone

ROWS = 100_000
LINE_BYTES = 100
PROCESS_S = 60.0


def _process(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=PROCESS_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stdout


@functools.cache
def _environment() -> dict[str, str]:
    """Return the variables of a process that finds what the ones before it compiled, in a folder for this run."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    folder = tempfile.TemporaryDirectory(prefix="bench-compiled-")
    atexit.register(folder.cleanup)
    return {**variables, "PYTHONPYCACHEPREFIX": folder.name}


def _lifetime(code: str) -> float:
    """Return how many ms a process that runs `code` lives."""
    began = time.perf_counter()
    _process("-c", code)
    return (time.perf_counter() - began) * 1000


def import_figure(rounds: int) -> Figure:
    """`import hdaemon`, less the interpreter's own start."""
    _lifetime("import hdaemon")
    found = interleaved({"with": lambda: _lifetime("import hdaemon"), "without": lambda: _lifetime("pass")}, rounds)
    middle = medians(found)
    differences = [a - b for a, b in zip(found["with"], found["without"], strict=True)]
    took = statistics.median(differences)
    note = f"median of {rounds} pairs of processes; the interpreter alone {middle['without']:.0f} ms"
    return Figure("import hdaemon", took, "ms", value=took, must=30, better="less", note=note)


def start_figure(rounds: int) -> Figure:
    """`hdaemon.start` until the port is open."""
    _process(__file__, "--server")
    found = [tuple(map(float, _process(__file__, "--server").split())) for _ in range(rounds)]
    first, second = (statistics.median(times) for times in zip(*found, strict=True))
    note = f"the first of a process, median of {rounds} processes; a second server in it {second:.1f} ms"
    return Figure("start() to listening", first, "ms", value=first, must=50, better="less", note=note)


def panel_figure(rounds: int) -> Figure:
    """A panel until it is painted."""
    _process(__file__, "--panel")
    found = [tuple(map(float, _process(__file__, "--panel").split())) for _ in range(rounds)]
    first, second = (statistics.median(times) for times in zip(*found, strict=True))
    note = f"the first of a process, its imports included, median of {rounds} processes; a second panel {second:.0f} ms"
    work = f"panel open, log full ({ROWS:,} rows)"
    return Figure(work, first, "ms", value=first, must=150, better="less", note=note)


def figures(short: bool) -> Iterator[Figure]:
    """Yield the three rows."""
    rounds = 5 if short else 15
    yield import_figure(rounds)
    yield start_figure(rounds)
    yield panel_figure(rounds)


# -- in the fresh processes --------------------------------------------------------------------------------------------


def _start_twice() -> None:
    from qtpy import QtWidgets

    import hdaemon

    app = QtWidgets.QApplication(sys.argv[:1])
    took = []
    for name in ("first", "second"):
        began = time.perf_counter()
        server = hdaemon.start(name, port=0)
        took.append((time.perf_counter() - began) * 1000)
        assert server.state == "listening"
    for server in hdaemon.servers():
        server.stop()
    app.processEvents()
    print(*took)


def _open_twice() -> None:
    import socket

    from qtpy import QtWidgets
    from session import own_settings

    import hdaemon

    own_settings()
    app = QtWidgets.QApplication(sys.argv[:1])
    server = hdaemon.start("start", port=0, mode="evaluate")
    with socket.create_connection((server.host, server.port), 5) as sock:
        for number in range(0, ROWS, 1000):
            sock.sendall(b"".join(b"%0*d\n" % (LINE_BYTES - 1, number + one) for one in range(1000)))
        give_up = time.monotonic() + PROCESS_S / 2
        while server.messages_received < ROWS and time.monotonic() < give_up:
            app.processEvents()
            time.sleep(0.005)
    assert len(server.log) == ROWS, len(server.log)
    print(*(_opened(app) for _ in range(2)))
    server.stop()


def _opened(app: object) -> float:
    began = time.perf_counter()
    from hdaemon_panel import standalone

    panel = standalone.window("start")
    painted: list[float] = []
    paint = panel.log.view.paint_rows

    def paint_rows(*args: Any) -> None:
        paint(*args)
        painted.append(time.perf_counter())

    panel.log.view.paint_rows = paint_rows  # type: ignore[assignment, method-assign]
    panel.resize(900, 700)
    panel.show()
    give_up = began + PROCESS_S / 2
    while not painted and time.perf_counter() < give_up:
        app.processEvents()  # type: ignore[attr-defined]  # returns when the other widgets are painted too
    assert painted, "it was not painted"
    took = (time.perf_counter() - began) * 1000
    assert panel.log.model.rowCount() >= ROWS - 1
    panel.close()
    return took


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    if "--server" in sys.argv:
        _start_twice()
    elif "--panel" in sys.argv:
        _open_twice()
    else:
        sys.exit(alone(figures, __doc__))
