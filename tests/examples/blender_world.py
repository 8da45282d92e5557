"""What the cases for Blender share: the add-on, installed from its zip in the real bpy, and a server to send to."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "examples" / "blender"), str(ROOT / "tests")]

_folder = tempfile.TemporaryDirectory(prefix="hdaemon-blender-")
FOLDER = Path(_folder.name)
os.environ["BLENDER_USER_RESOURCES"] = str(FOLDER / "user")  # before bpy is imported
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("XDG_RUNTIME_DIR", str(FOLDER))

import bpy  # noqa: E402
import build  # noqa: E402
from serving import Serving  # noqa: E402

from hdaemon import content  # noqa: E402
from hdaemon.client import Client  # noqa: E402

MODULE = "bl_ext.user_default.hdaemon_live"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def install() -> None:
    """Build the add-on and install it as an artist does."""
    archive = build.build(FOLDER / "hdaemon_live.zip")
    say(f"Blender {bpy.app.version_string}, Python {sys.version.split()[0]}, {archive.stat().st_size:,} bytes of zip")
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)
    assert MODULE in bpy.context.preferences.addons


class World:
    """The add-on in a new scene, and a server in evaluate mode."""

    def __init__(self, server: Serving) -> None:
        self.server = server
        bpy.ops.wm.read_factory_settings(use_empty=True)
        if MODULE not in bpy.context.preferences.addons:
            bpy.ops.preferences.addon_enable(module=MODULE)
        self.ui, self.handlers = sys.modules[f"{MODULE}.ui"], sys.modules[f"{MODULE}.handlers"]
        self.link, self.settings = self.ui.link, bpy.context.scene.hdaemon
        self.link.close()
        self.link._said = ""
        self.settings.address = server.address
        self.settings.token = ""

    def arrived(self, channel: str) -> Any:
        """Return what the server has: the Mesh as it was sent."""
        with Client("127.0.0.1", self.server.port) as client:
            message = client.latest(channel)
        assert message is not None, f"nothing on {channel}: {self.link.status}"
        return content.decode(message.content_type, message.payload)

    def serial(self, channel: str) -> int:
        """Return the number of the newest message of a channel; 0 when there is none."""
        with Client("127.0.0.1", self.server.port) as client:
            message = client.latest(channel)
        return 0 if message is None else message.serial

    def sent(self, obj: Any) -> Any:
        """Select an object, press Send, and return what arrives."""
        select(obj)
        assert bpy.ops.hdaemon.send() == {"FINISHED"}
        assert self.link.wait(20), self.link.status
        assert self.link.status[0] == "sent", self.link.status
        return self.arrived(f"blender/{obj.name}")

    def tick_until(self, condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        """Be Blender's event loop: call the timer until a condition holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {self.link.status}"
            self.handlers.tick()
            self.link.wait(0.01)

    def settle(self) -> None:
        """Tick until nothing that has changed is left to be sent."""
        self.tick_until(lambda: not self.link._changed and not self.link.busy)


def select(*objects: Any) -> None:
    bpy.context.view_layer.update()  # an object that was linked by a script is not in it before
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj in objects)
    bpy.context.view_layer.objects.active = objects[0]
    bpy.context.view_layer.update()


def added(operator: Any, **options: Any) -> Any:
    operator(**options)
    return bpy.context.view_layer.objects.active


def refused(operator: Any) -> str:
    """Return why a button does nothing; Blender's Python raises what it would show."""
    try:
        operator()
    except RuntimeError as error:
        return str(error)
    raise AssertionError("the button did something")
