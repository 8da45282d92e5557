"""The panel, its settings and its buttons."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, PointerProperty, StringProperty

from .link import Link, Trouble

link = Link()


def _nothing() -> None: ...


on_started: Callable[[], None] = _nothing
"""Called when there is something for the timer to do."""

# Kept here and in no property of Blender's own, which would be saved with the scene.
_token = ""


def token() -> str:
    """Return the token that was typed in."""
    return _token


def _get_token(_: Any) -> str:
    return _token


def _set_token(_: Any, value: str) -> None:
    global _token
    _token = value.strip()


class HdaemonSettings(bpy.types.PropertyGroup):
    """What is saved with the scene, and the token, which is not."""

    address: StringProperty(  # type: ignore[valid-type]
        name="Address", description="HOST:PORT of the server, as its panel shows it", default="127.0.0.1:2000"
    )
    channel: StringProperty(  # type: ignore[valid-type]
        name="Channel", description="Where to send; {object} is the object's name", default="blender/{object}"
    )
    token: StringProperty(  # type: ignore[valid-type]
        name="Token",
        description="What the server was started with, if it was. It is not saved, and is asked for again next time",
        subtype="PASSWORD",
        get=_get_token,
        set=_set_token,
    )
    space: EnumProperty(  # type: ignore[valid-type]
        name="Space",
        items=(
            ("WORLD", "World", "Points are where they are in the scene"),
            ("LOCAL", "Local", "Points are relative to the object; its matrix is the detail attribute 'transform'"),
        ),
    )
    send_vertex_groups: BoolProperty(  # type: ignore[valid-type]
        name="Vertex Groups",
        description="Send weights as point attributes; takes about a second for a million points",
        default=True,
    )


class HDAEMON_OT_send(bpy.types.Operator):  # noqa: N801 - Blender's way to name them
    """Send the selected objects once, with their modifiers."""

    bl_idname = "hdaemon.send"
    bl_label = "Send"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Send them."""
        try:
            link.send(context, context.scene.hdaemon, _token)
        except Trouble as trouble:
            self.report({"ERROR"}, str(trouble))
            return {"CANCELLED"}
        on_started()
        return {"FINISHED"}


class HDAEMON_OT_live(bpy.types.Operator):  # noqa: N801
    """Send the selected objects whenever they change, up to 30 times a second, until pressed again."""

    bl_idname = "hdaemon.live"
    bl_label = "Live"

    def execute(self, context: bpy.types.Context) -> set[str]:
        """Start, or stop."""
        if link.live:
            link.stop()
            return {"FINISHED"}
        try:
            link.start(context, context.scene.hdaemon, _token)
        except Trouble as trouble:
            self.report({"ERROR"}, str(trouble))
            return {"CANCELLED"}
        on_started()
        return {"FINISHED"}


_ICONS = {"sent": "CHECKMARK", "sending": "EXPORT", "waiting": "SORTTIME", "failed": "ERROR", "trouble": "ERROR"}


class HDAEMON_PT_panel(bpy.types.Panel):  # noqa: N801
    """The tab "hdaemon" in the side bar of the 3D view."""

    bl_label = "hdaemon"
    bl_category = "hdaemon"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"

    def draw(self, context: bpy.types.Context) -> None:
        """Lay out the settings, the buttons and the status."""
        layout, settings = self.layout, context.scene.hdaemon
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        for name in ("address", "channel", "token", "space", "send_vertex_groups"):
            column.prop(settings, name)
        row = layout.row(align=True)
        row.scale_y = 1.4
        row.operator("hdaemon.send", icon="EXPORT")
        row.operator("hdaemon.live", icon="REC" if link.live else "PLAY", depress=link.live)
        state, text = link.status
        scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
        width = context.region.width if context.region else 300
        lines = textwrap.wrap(text, max(20, int(width / (7 * scale)) - 6)) or [""]
        column = layout.column(align=True)
        column.scale_y = 0.8
        column.alert = state in ("waiting", "failed", "trouble")
        for i, line in enumerate(lines):
            column.label(text=line, icon=_ICONS.get(state, "BLANK1") if i == 0 else "BLANK1")


_classes = (HdaemonSettings, HDAEMON_OT_send, HDAEMON_OT_live, HDAEMON_PT_panel)


def register() -> None:
    """Register the classes, and the settings with each scene."""
    for cls in _classes:
        bpy.utils.register_class(cls)
    bpy.types.Scene.hdaemon = PointerProperty(type=HdaemonSettings)


def unregister() -> None:
    """Take them away."""
    del bpy.types.Scene.hdaemon
    for cls in reversed(_classes):
        bpy.utils.unregister_class(cls)
