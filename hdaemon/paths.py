"""Where files lie: hdaemon's own that are not Python modules (panel/, icons/ ...), and what it keeps for the user."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from hdaemon.errors import HdaemonError

__all__ = [
    "is_checkout",
    "make_private",
    "pythonrc",
    "read_private",
    "sessions_dir",
    "share_dir",
    "state_dir",
    "write_private",
]

_PACKAGE = Path(__file__).resolve().parent

_MAX_PRIVATE_BYTES = 64 * 1024
"""What hdaemon writes there has a few hundred; whatever else lies there is not read into memory."""


def is_checkout() -> bool:
    """Return whether hdaemon runs from a checkout (also an editable install), not from an installed wheel."""
    return not (_PACKAGE / "share").is_dir()


def share_dir() -> Path:
    """Return the folder that holds panel/, icons/, scripts/ and houdini/.

    In an installed wheel it is ``hdaemon/share``; in a checkout the folder above the package.

    Raises:
        HdaemonError: neither is there; the installation is incomplete.
    """
    share = _PACKAGE.parent if is_checkout() else _PACKAGE / "share"
    if not (share / "houdini").is_dir():
        raise HdaemonError(f"hdaemon's files for Houdini are not in {share}: install hdaemon again")
    return share


def pythonrc() -> str:
    """Return the path of ``scripts/pythonrc.py``, the start-up code that the shims in houdini/ run.

    Raises:
        HdaemonError: the installation is incomplete.
    """
    return str(share_dir() / "scripts" / "pythonrc.py")


def state_dir() -> Path:
    """Return the user's own folder for what hdaemon keeps; it need not be there.

    HDAEMON_STATE names another. On Linux it is ``$XDG_STATE_HOME/hdaemon`` (XDG Base Directory Specification), by
    default ``~/.local/state/hdaemon``.
    """
    own = os.environ.get("HDAEMON_STATE", "")
    if own:
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "hdaemon"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "hdaemon"
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "hdaemon"


def sessions_dir() -> Path:
    """Return the folder where running servers say where they are; it need not be there.

    In `state_dir`, or on Linux in ``$XDG_RUNTIME_DIR/hdaemon``, which is emptied at the end of the login. The client
    (`hdaemon.client`) looks in the same place.
    """
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if sys.platform not in ("win32", "darwin") and base.startswith("/") and not os.environ.get("HDAEMON_STATE"):
        return Path(base) / "hdaemon"
    return state_dir() / "sessions"


def make_private(folder: Path) -> None:
    """Make `folder` and what is above it, for the user alone (0700).

    Raises:
        OSError: it cannot be made, or it is somebody else's.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if sys.platform == "win32":  # in the user's profile, which others cannot read
            return
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise PermissionError(f"{folder} is not a folder of your own: delete it") from None
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only the user can read (0600), whole or not at all: readers see the old one or the new.

    Raises:
        OSError: it cannot be written; nothing was.
    """
    # Made with that mode: a file that gets it later could have been opened in between.
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_private(path: Path) -> bytes:
    """Return what is in a file of `write_private`.

    Raises:
        OSError: it cannot be read, or it is another user's or can be read by one.
    """
    with path.open("rb") as file:
        if sys.platform != "win32":
            found = os.fstat(file.fileno())
            if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
                raise PermissionError(f"{path} is not a file that only you can read: delete it")
        return file.read(_MAX_PRIVATE_BYTES)
