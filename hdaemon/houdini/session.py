"""`hou.session.dataobject`: placing the store in the Houdini session, and keeping it there."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hdaemon.store import store

if TYPE_CHECKING:
    import hou

__all__ = ["attach", "attached", "detach"]

_logger = logging.getLogger(__name__)


def attach() -> bool:
    """Make the process's store `hou.session.dataobject`; return whether it is.

    It is placed again after File > New and File > Open, as whether attributes of hou.session outlive them is not
    documented. May be called again. Never raises: what a session lacks is logged as a warning.
    """
    try:
        import hou

        if _on_hip_event not in hou.hipFile.eventCallbacks():
            hou.hipFile.addEventCallback(_on_hip_event)
    except Exception:  # the server must start also in a session that has no such thing, such as a bare `import hou`
        _logger.warning("hou.session.dataobject will not outlive File > New: no scene events here", exc_info=True)
    return _place()


def attached() -> bool:
    """Return whether `hou.session.dataobject` is the process's store."""
    try:
        import hou
    except ImportError:
        return False
    return getattr(getattr(hou, "session", None), "dataobject", None) is store


def detach() -> None:
    """Undo `attach`: remove the store and the callback. May be called again, and without `attach` before."""
    try:
        import hou

        if attached():
            del _session(hou).dataobject
        if _on_hip_event in hou.hipFile.eventCallbacks():
            hou.hipFile.removeEventCallback(_on_hip_event)
    except Exception:  # as in `attach`
        _logger.warning("hou.session.dataobject could not be removed", exc_info=True)


def _session(hou_module: Any) -> Any:
    # The published stubs of hou do not know the module hou.session.
    return hou_module.session


def _place() -> bool:
    try:
        import hou

        _session(hou).dataobject = store
    except Exception:  # as in `attach`
        _logger.warning("the data is not at hou.session.dataobject, use hdaemon.latest() instead", exc_info=True)
        return False
    return True


def _on_hip_event(event_type: hou.EnumValue) -> None:
    import hou

    if event_type in (hou.hipFileEventType.AfterClear, hou.hipFileEventType.AfterLoad):
        _place()
