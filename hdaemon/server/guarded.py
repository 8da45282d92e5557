"""`guarded`: an error that nobody foresaw ends the connection whose bytes brought it about, and no other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from hdaemon.wire.events import Event, Refused

__all__ = ["fault", "guarded"]

_logger = logging.getLogger(__name__)


def guarded(ask: Callable[..., list[Event]], *args: Any) -> list[Event]:
    """Return the events of a door's method; a `Refused` when it raises, which no door is meant to do."""
    try:
        return ask(*args)
    except Exception as error:  # whatever bytes do to a door of ours, the other clients' connections go on
        return [fault(error)]


def fault(error: Exception) -> Refused:
    """Log an error in hdaemon and return what becomes of the connection it came from."""
    _logger.error("an error in hdaemon ended a connection", exc_info=error)
    return Refused(f"an error in hdaemon, please report it: {type(error).__name__}: {error}", b"")
