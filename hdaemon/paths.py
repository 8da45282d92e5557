"""Where the files that are not Python modules lie: panel/, icons/, scripts/ and houdini/."""

from __future__ import annotations

from pathlib import Path

from hdaemon.errors import HdaemonError

__all__ = ["is_checkout", "pythonrc", "share_dir"]

_PACKAGE = Path(__file__).resolve().parent


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
