"""`Remembered`: what the panel remembers between sessions, and the start-up code starts the server with.

Kept with QSettings under ("hdaemon", "hdaemon"), where the user's other programs keep theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from qtpy import QtCore

from hdaemon.message import MODES
from hdaemon.server.loop import DEFAULT_PORT
from hdaemon.server.security import kept_token
from hdaemon.wire.limits import Limits
from hdaemon.wire.raw import FRAMINGS

__all__ = ["Remembered", "load", "save"]


@dataclass(frozen=True, slots=True)
class Remembered:
    """The server's settings as they were left.

    Attributes:
        host: address to listen on.
        port: first port tried; 0 for any free one.
        mode: ``"print"`` or ``"evaluate"``.
        autostart: whether the server starts with Houdini.
        raw_framing: ``"lines"`` or ``"burst"``.
        locked: whether clients' own mode words are refused.
        limits: what the server allows.
        token_required: whether clients must show the user's own token, `kept_token`. The token itself is not kept here,
            in a file that others may read.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    mode: str = "print"
    autostart: bool = True
    raw_framing: str = "lines"
    locked: bool = False
    limits: Limits = field(default_factory=Limits)
    token_required: bool = False

    def token(self) -> str | None:
        """Return the token to start the server with; None for none.

        Raises:
            HdaemonError: it cannot be kept.
        """
        return kept_token() if self.token_required else None


def load() -> Remembered:
    """Return what is remembered; what is missing or makes no sense is as in `Remembered()`."""
    settings, default = _settings(), Remembered()

    def value(name: str) -> str:
        # The ini format gives every value back as text, the registry and plists some as numbers: all are read as text.
        held: Any = settings.value(f"server/{name}")
        return "" if held is None else str(held).strip()

    return Remembered(
        host=value("host") or default.host,
        port=_port(value("port"), default.port),
        mode=_one_of(value("mode"), MODES, default.mode),
        autostart=_flag(value("autostart"), default.autostart),
        raw_framing=_one_of(value("raw_framing"), FRAMINGS, default.raw_framing),
        locked=_flag(value("locked"), default.locked),
        limits=_limits(settings),
        token_required=_flag(value("token_required"), default.token_required),
    )


def save(remembered: Remembered) -> None:
    """Remember the settings; another process that loads them from here on gets them."""
    settings = _settings()
    for item in fields(Remembered):
        if item.name != "limits":
            settings.setValue(f"server/{item.name}", getattr(remembered, item.name))
    for item in fields(Limits):
        settings.setValue(f"limits/{item.name}", getattr(remembered.limits, item.name))
    settings.sync()


def _settings() -> QtCore.QSettings:
    return QtCore.QSettings("hdaemon", "hdaemon")


def _limits(settings: QtCore.QSettings) -> Limits:
    limits = Limits()
    for item in fields(Limits):
        default = getattr(limits, item.name)
        try:
            limits = replace(limits, **{item.name: type(default)(settings.value(f"limits/{item.name}"))})
        except (TypeError, ValueError):  # missing, not a number, or not one a limit may be: the default stands
            continue
    return limits


def _flag(text: str, default: bool) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), default)


def _port(text: str, default: int) -> int:
    good = text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535
    return int(text) if good else default


def _one_of(text: str, known: tuple[str, ...], default: str) -> str:
    return text if text in known else default
