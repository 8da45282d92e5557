"""The environment variables that say how Houdini starts the server. Imports neither hou nor Qt."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from hdaemon.errors import UsageError

__all__ = ["Environment", "problems", "read"]

_FLAGS = {
    "1": True, "true": True, "yes": True, "on": True,
    "0": False, "false": False, "no": False, "off": False,
}  # fmt: skip

KNOWN = ("HDAEMON_AUTOSTART", "HDAEMON_HOST", "HDAEMON_PORT", "HDAEMON_TOKEN", "HDAEMON_STATE", "HDAEMON_SHARE")
"""HDAEMON_STATE is another folder for sessions and the token. HDAEMON_SHARE is set by the package file: where panel/,
icons/, scripts/ and houdini/ lie."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the environment says; None where it says nothing."""

    autostart: bool | None = None
    host: str | None = None
    port: int | None = None
    token: str | None = field(default=None, repr=False)


def read(environ: Mapping[str, str] = os.environ) -> Environment:
    """Return what HDAEMON_AUTOSTART, _HOST, _PORT and _TOKEN say; an empty variable says nothing.

    Raises:
        UsageError: one of them makes no sense; says what to set.
    """
    host = environ.get("HDAEMON_HOST", "").strip()
    return Environment(_autostart(environ), host or None, _port(environ), environ.get("HDAEMON_TOKEN") or None)


def problems(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return a sentence for each HDAEMON_ variable that makes no sense or is not known."""
    found = []
    for reader in (_autostart, _port):
        try:
            reader(environ)
        except UsageError as error:
            found.append(str(error))
    for name in sorted(environ):
        if name.startswith("HDAEMON_") and name not in KNOWN:
            found.append(f"{name} is not known: hdaemon reads {', '.join(KNOWN[:5])}")
    return found


def _autostart(environ: Mapping[str, str]) -> bool | None:
    text = environ.get("HDAEMON_AUTOSTART", "").strip()
    if not text:
        return None
    if text.lower() not in _FLAGS:
        raise UsageError(f"HDAEMON_AUTOSTART is {text!r}: set it to 1 to start the server with Houdini, or to 0")
    return _FLAGS[text.lower()]


def _port(environ: Mapping[str, str]) -> int | None:
    text = environ.get("HDAEMON_PORT", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise UsageError(f"HDAEMON_PORT is {text!r}: set it to a number from 1 to 65535, or to 0 for any free port")
    return int(text)
