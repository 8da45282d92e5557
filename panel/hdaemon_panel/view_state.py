"""`ViewState`: how the panel was left: which page, details or not, and how much room they had."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from qtpy import QtCore

__all__ = ["ViewState", "changed", "load"]


@dataclass(frozen=True, slots=True)
class ViewState:
    """What is remembered of the view.

    Attributes:
        page: 0 for the log, 1 for the channels.
        details: whether the details of a selected row are shown.
        share_below, share_beside: the details' share of the room, 0.1 to 0.9.
    """

    page: int = 0
    details: bool = True
    share_below: float = 0.45
    share_beside: float = 0.4


def _settings() -> QtCore.QSettings:
    return QtCore.QSettings("hdaemon", "hdaemon")


def load() -> ViewState:
    """Return what is remembered; what is missing or makes no sense is as in `ViewState()`."""
    settings, default = _settings(), ViewState()

    def number(name: str, low: float, high: float) -> float:
        # The ini format gives every value back as text, the registry and plists some as numbers.
        try:
            value = float(str(settings.value(f"view/{name}")))
        except ValueError:
            value = -1.0
        return value if low <= value <= high else float(getattr(default, name))

    return ViewState(
        int(number("page", 0, 1)),
        number("details", 0, 1) != 0,
        number("share_below", 0.1, 0.9),
        number("share_beside", 0.1, 0.9),
    )


def changed(state: ViewState, **changes: object) -> ViewState:
    """Return `state` with `changes`, and remember it."""
    new = replace(state, **changes)  # type: ignore[arg-type]
    if new != state:
        settings = _settings()
        for item in fields(ViewState):
            settings.setValue(f"view/{item.name}", float(getattr(new, item.name)))
    return new
