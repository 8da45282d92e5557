"""When Blender says that something has changed, and the timer that acts on it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import ui
from .link import RATE

_seen: tuple[str, str, bool] | None = None  # what the panel showed last


@persistent
def _on_depsgraph_updated(scene: Any, depsgraph: bpy.types.Depsgraph) -> None:
    ui.link.noticed(depsgraph.updates)


@persistent
def _on_file_changing(*_: Any) -> None:
    ui.link.stop()  # the objects are gone with the file


def tick() -> float | None:
    """Send what has changed and show what became of it; return when to be called again, None when there is no need."""
    global _seen
    link, context = ui.link, bpy.context
    if context.scene is not None:
        link.tick(context, context.scene.hdaemon, ui.token())
    shown = (*link.status, link.live)
    if shown != _seen:
        _seen = shown
        _redraw()
    return 1 / RATE if link.live or link.busy else None


def start_timer() -> None:
    """Have `tick` called until there is nothing to do."""
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, persistent=True)


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


def register() -> None:
    """Add the handlers; the timer starts when there is something to do."""
    bpy.app.handlers.depsgraph_update_post.append(_on_depsgraph_updated)
    bpy.app.handlers.frame_change_post.append(_on_depsgraph_updated)  # playing does not call the other
    bpy.app.handlers.load_pre.append(_on_file_changing)
    ui.on_started = start_timer


def unregister() -> None:
    """Take them away, and close the connection."""
    bpy.app.handlers.depsgraph_update_post.remove(_on_depsgraph_updated)
    bpy.app.handlers.frame_change_post.remove(_on_depsgraph_updated)
    bpy.app.handlers.load_pre.remove(_on_file_changing)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    ui.link.close()
