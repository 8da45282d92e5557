"""Send evaluated meshes to Houdini, once or live: the panel *hdaemon* in the side bar (N) of the 3D view.

Built by examples/blender/build.py, which adds `client.py` and `live_sender.py`; it does not run without them.
"""

from __future__ import annotations

from . import handlers, ui


def register() -> None:
    """Add the panel, the settings and the handlers."""
    ui.register()
    handlers.register()


def unregister() -> None:
    """Take them away again, and end the connection."""
    handlers.unregister()
    ui.unregister()
