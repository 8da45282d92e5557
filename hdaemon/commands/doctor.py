"""`hdaemon doctor`: what is wrong, and how to mend it."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import socket
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from hdaemon import __version__, paths
from hdaemon.commands import prefs, record
from hdaemon.commands.package import missing
from hdaemon.errors import HdaemonError, UsageError
from hdaemon.houdini import environment, session
from hdaemon.server.loop import DEFAULT_PORT

__all__ = ["add_arguments", "run"]

Finding = tuple[str, str]
"""``"ok"``, ``"warn"`` or ``"FAIL"``, and a sentence; of a failure it says what to do."""

_BINDINGS = ("PySide6", "PySide2")
_NEWEST_PYTHON = (3, 13)
_BROKEN_PYSIDE = "6.12.0"
"""Every Signal.emit() of it loses a reference to True, and the process dies after about a thousand."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `doctor` takes."""
    parser.add_argument(
        "--prefs",
        metavar="DIR",
        type=Path,
        action="append",
        help="look at this Houdini preference folder instead of every one of yours",
    )


def run(args: argparse.Namespace) -> int:
    """Print a line for each thing looked at; return 0 when nothing fails, else 1."""
    folders = [prefs.given(path) for path in args.prefs] if args.prefs else list(prefs.find())
    failed = False
    for check in (
        _python(),
        _files(),
        _qt(),
        _numpy(),
        _msgpack(),
        _variables(),
        _port(),
        _preferences(folders),
        _houdini(),
    ):
        for level, sentence in check:
            failed = failed or level == "FAIL"
            print(f"{level:<4} {sentence}")
    return 1 if failed else 0


def _python() -> Iterator[Finding]:
    here = f"hdaemon {__version__} in Python {sys.version.split()[0]}"
    # An older Python than 3.10 cannot even import this.
    if sys.version_info[:2] > _NEWEST_PYTHON:
        yield "warn", f"{here}: tested with Python 3.10 to {'.'.join(map(str, _NEWEST_PYTHON))}"
    else:
        yield "ok", here


def _files() -> Iterator[Finding]:
    try:
        yield "ok", f"files for Houdini in {paths.share_dir()}"
    except HdaemonError as error:
        yield "FAIL", f"{error}"


def _qt() -> Iterator[Finding]:
    """Import Qt as the server does; the names are not written as imports, as only the server and the panel use Qt."""
    try:
        qtpy = importlib.import_module("qtpy")
        core = importlib.import_module("qtpy.QtCore")
    except Exception as error:  # an ImportError, QtPy's own errors, or what a broken binding raises
        sentence = f"Qt cannot be imported ({error})"
        if isinstance(error, ModuleNotFoundError) and error.name == "qtpy":
            yield "FAIL", f"{sentence}: run `python -m pip install QtPy`; in Houdini, `hdaemon install`"
        else:
            yield "FAIL", f'{sentence}: run `python -m pip install "hdaemon[desktop]"`, and leave QT_API unset'
        return
    binding, version = str(qtpy.API_NAME), str(qtpy.PYSIDE_VERSION or qtpy.PYQT_VERSION)
    name = f"{binding} {version} (Qt {core.__version__}, QtPy {qtpy.__version__})"
    if binding not in _BINDINGS:
        yield "warn", f"{name}: hdaemon is tested with PySide6 and PySide2; set QT_API=pyside6"
    elif version == _BROKEN_PYSIDE:
        yield "FAIL", f"{name} ends the process after a thousand signals: run `python -m pip install PySide6!=6.12.0`"
    else:
        yield "ok", name


def _numpy() -> Iterator[Finding]:
    version = _version("numpy")
    if version is None:
        yield "ok", "numpy is not installed here: text and JSON need none, and Houdini has its own"
        return
    pyside = _version("PySide6") or _version("PySide6-Essentials") or _version("PySide2")
    if _numbers(version) >= (2,) and pyside and _numbers(pyside) < (6, 7):
        yield "warn", f'numpy {version} is too new for PySide {pyside}: run `python -m pip install "numpy<2"`'
    else:
        yield "ok", f"numpy {version}"


def _msgpack() -> Iterator[Finding]:
    version = _version("msgpack")
    if version is None:
        yield (
            "warn",
            "application/msgpack stays bytes: run `python -m pip install msgpack`; in Houdini, `hdaemon install`",
        )
    else:
        yield "ok", f"msgpack {version}"


def _variables() -> Iterator[Finding]:
    for sentence in environment.problems():
        yield ("warn" if "not known" in sentence else "FAIL"), sentence
    api = os.environ.get("QT_API", "")
    if api and api.lower() not in ("pyside6", "pyside2"):
        yield "warn", f"QT_API is {api!r}: leave it unset, or set it to pyside6 or pyside2"
    headless = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if sys.platform.startswith("linux") and headless and not os.environ.get("QT_QPA_PLATFORM"):
        yield "warn", "there is no display: windows cannot open, or set QT_QPA_PLATFORM=offscreen"
    own = os.environ.get("HOUDINI_USER_PREF_DIR", "")
    if own and "__HVER__" not in own:
        yield "warn", f"HOUDINI_USER_PREF_DIR is {own!r}: Houdini ignores it, as it does not contain __HVER__"


def _port() -> Iterator[Finding]:
    try:
        port = environment.read().port
    except UsageError:
        return  # said already
    port = DEFAULT_PORT if port is None else port
    if port == 0:
        yield "ok", "port 0: any free one is taken"
        return
    try:
        with socket.socket() as sock:
            if sys.platform != "win32":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            sock.bind(("127.0.0.1", port))
        yield "ok", f"port {port} is free"
    except PermissionError:
        yield "FAIL", f"port {port} may not be used: set HDAEMON_PORT to a port from 1024 on"
    except OSError as error:
        yield "warn", f"port {port} is not free ({_who(port, error)}): a server started now takes the next free one"


def _who(port: int, error: OSError) -> str:
    """Return who holds the port, as far as connecting tells."""
    registry = sys.modules.get("hdaemon.server.registry")
    for server in registry.servers() if registry else ():
        if server.port == port:
            return f"the server {server.name} of this process listens there"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return "a program answers there; it may be an hdaemon that runs already"
    except OSError:
        return f"nobody answers: {error.strerror or error}"


def _preferences(folders: list[prefs.Prefs]) -> Iterator[Finding]:
    if not folders:
        yield "warn", "no Houdini preference folder was found: start Houdini once, then run `hdaemon install`"
    for found in folders:
        if found.too_old:
            yield "ok", f"{found.path}: left alone, hdaemon needs Houdini 20.0 or later"
        elif not found.path.is_dir():
            yield "FAIL", f"{found.path} is not a folder: is the name right?"
        else:
            yield _installed(found)


def _installed(found: prefs.Prefs) -> Finding:
    package_file = found.packages / record.PACKAGE_FILE
    again = f"run `hdaemon install --prefs {found.path}`"
    try:
        held = record.load(found.packages)
        if held is None and not package_file.exists():
            return "warn", f"{found.path}: hdaemon is not installed: {again}"
        if held is None:
            return "warn", f"{package_file} was not written by `hdaemon install`; if it is not yours, {again} --force"
        absent = missing(package_file)
        absent += [str(found.packages / name) for name in held.files if not (found.packages / name).exists()]
    except FileNotFoundError:
        return "FAIL", f"{package_file} is gone: {again}"
    except (HdaemonError, ValueError, OSError) as error:
        return "FAIL", f"{package_file} cannot be used ({error}): {again} --force"
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        return "FAIL", f"{package_file} points at what is not there, {absent[0]}{more}: {again}"
    return "ok", f"{found.path}: installed"


def _houdini() -> Iterator[Finding]:
    if "hou" not in sys.modules:
        return
    if session.attached():
        yield "ok", "hou.session.dataobject holds the data"
    else:
        yield "FAIL", "hou.session.dataobject is not hdaemon's: run `hdaemon.start()` in a Python Shell"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
