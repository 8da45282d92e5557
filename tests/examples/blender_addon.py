"""Run the add-on of examples/blender in the real bpy: installed from its zip, sending to `hdaemon serve`.

python tests/examples/blender_addon.py          (in an environment with bpy and hdaemon; nox -s blender)
python tests/examples/blender_addon.py live     (only the cases with that in their names)
"""

from __future__ import annotations

import os
import sys
import time
from types import SimpleNamespace
from typing import Any

from blender_world import FOLDER, MODULE, World, added, install, refused, say, select  # before bpy: it sets its folders

# isort: split
import blender_meshes
import bmesh
import bpy
from serving import Serving


def case_names(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    cube.name = "Körper/links+#1"
    select(cube)
    bpy.ops.hdaemon.send()
    assert world.link.wait(20)
    assert len(world.arrived("blender/Körper_links__1").points) == 8
    world.settings.channel = "shot/a"
    bpy.ops.hdaemon.send()
    assert world.link.wait(20)
    assert len(world.arrived("shot/a").points) == 8
    other = added(bpy.ops.mesh.primitive_cube_add)
    select(cube, other)
    assert "write {object}" in refused(bpy.ops.hdaemon.send)


def case_what_cannot_be_sent_is_said(world: World) -> None:
    camera = added(bpy.ops.object.camera_add)
    select(camera)
    assert "select an object that has a mesh" in refused(bpy.ops.hdaemon.send)
    assert "select an object that has a mesh" in refused(bpy.ops.hdaemon.live)
    assert not world.link.live
    added(bpy.ops.mesh.primitive_cube_add)
    for address in ("localhost", "localhost:x", "127.0.0.1:0", ""):
        world.settings.address = address
        assert "write HOST:PORT" in refused(bpy.ops.hdaemon.send)
    world.settings.address = "198.51.100.1:2000"
    if not bpy.app.online_access:
        assert "allow online access" in refused(bpy.ops.hdaemon.send)
    world.settings.address = "127.0.0.1:1"
    bpy.ops.hdaemon.send()
    assert world.link.wait(20)  # one Send is not tried again
    assert world.link.status[0] == "failed"
    assert "is the server started" in world.link.status[1]


def case_live_follows_edits_moves_and_frames(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    other = added(bpy.ops.mesh.primitive_cube_add)
    select(cube)
    channel = f"blender/{cube.name}"
    assert bpy.ops.hdaemon.live() == {"FINISHED"}
    world.settle()
    first = world.serial(channel)
    assert first

    cube.data.vertices[0].co = (9, 8, 7)
    cube.data.update()
    bpy.context.view_layer.update()
    world.settle()
    assert world.arrived(channel).points[0].tolist() == [9, 8, 7]

    cube.location.z = 10
    bpy.context.view_layer.update()
    world.settle()
    assert world.arrived(channel).points[0].tolist() == [9, 8, 17]

    for frame, x in ((1, 0.0), (11, 10.0)):
        cube.location.x = x
        cube.keyframe_insert("location", frame=frame, index=0)
    bpy.context.scene.frame_set(11)
    world.settle()
    assert world.arrived(channel).points[0].tolist() == [19, 8, 17]

    for modifier in (None, "SUBSURF"):
        if modifier:
            cube.modifiers.new("subdivide", modifier).levels = 0
        bpy.ops.object.mode_set(mode="EDIT")
        edited = bmesh.from_edit_mesh(cube.data)
        edited.verts.ensure_lookup_table()
        edited.verts[0].co.y += 100
        bmesh.update_edit_mesh(cube.data)
        bpy.context.view_layer.update()
        world.settle()
        assert world.arrived(channel).points[0][1] == edited.verts[0].co.y
        serial = world.serial(channel)
        for _ in range(5):
            bpy.context.view_layer.update()
            world.settle()
        assert world.serial(channel) == serial  # reading what is edited is no change
        bpy.ops.object.mode_set(mode="OBJECT")
        world.settle()
    assert world.arrived(channel).points[0].tolist() == [19, 208, 17]

    serial = world.serial(channel)
    other.location.z = 5
    bpy.context.view_layer.update()
    world.settle()
    assert world.serial(f"blender/{other.name}") == 0  # it was not selected when Live began
    cube.name = "renamed"
    cube.location.z = 0
    bpy.context.view_layer.update()
    world.settle()
    assert world.serial("blender/renamed") > serial
    assert world.serial(channel) == serial

    assert bpy.ops.hdaemon.live() == {"FINISHED"}
    assert not world.link.live
    cube.location.z = 1
    bpy.context.view_layer.update()
    world.settle()
    assert world.handlers.tick() is None
    assert world.arrived("blender/renamed").points[0][2] == 7


def case_live_joins_many_changes_into_few_messages(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    bpy.ops.hdaemon.live()
    world.settle()
    first, begin = world.serial(f"blender/{cube.name}"), time.monotonic()
    for step in range(300):
        cube.location.x = step
        bpy.context.view_layer.update()
        world.handlers.tick()
    world.settle()
    seconds = time.monotonic() - begin
    assert world.arrived(f"blender/{cube.name}").points[:, 0].mean() == 299
    sent = world.serial(f"blender/{cube.name}") - first
    assert 1 <= sent <= seconds * 30 + 2, (sent, seconds)


def case_live_ends_with_its_objects_and_its_file(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    bpy.ops.hdaemon.live()
    world.settle()
    cube.location.x = 1
    bpy.context.view_layer.update()
    bpy.data.objects.remove(cube)
    world.tick_until(lambda: not world.link.live)
    assert "are gone" in world.link.status[1]
    added(bpy.ops.mesh.primitive_cube_add)
    bpy.ops.hdaemon.live()
    assert world.link.live
    bpy.ops.wm.read_factory_settings(use_empty=True)
    assert not world.link.live


def case_live_waits_for_a_server_and_finds_it_again(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    with Serving("--mode", "evaluate") as server:
        port = server.port
        world.settings.address = server.address
        bpy.ops.hdaemon.live()
        world.settle()
        assert world.link.status[0] == "sent"
        server.end()
    cube.location.x = 3
    bpy.context.view_layer.update()
    begin = time.monotonic()
    assert world.handlers.tick() is not None
    assert time.monotonic() - begin < 0.5  # Blender does not wait for the network
    world.tick_until(lambda: world.link.status[0] == "waiting")
    assert world.link.status[1].startswith("No server, trying again: "), world.link.status
    assert f"127.0.0.1:{port}" in world.link.status[1]
    with Serving("--mode", "evaluate", "--port", str(port)) as server:
        assert server.port == port, server.started
        world.tick_until(lambda: world.link.status[0] == "sent")
        world.settle()
        world.server = server
        assert world.arrived(f"blender/{cube.name}").points[:, 0].mean() == 3
        world.link.close()


def case_a_token_is_used_and_not_saved(world: World) -> None:
    added(bpy.ops.mesh.primitive_cube_add)
    with Serving("--mode", "evaluate", "--token", "correct-horse-battery-staple") as server:
        world.settings.address = server.address
        os.environ["HDAEMON_STATE"] = str(FOLDER / "another user's")  # else the add-on's client finds the token there
        bpy.ops.hdaemon.send()
        assert world.link.wait(20)
        assert world.link.status[0] == "failed", world.link.status
        assert "401" in world.link.status[1]
        world.settings.token = "correct-horse-battery-staple"
        bpy.ops.hdaemon.send()
        assert world.link.wait(20)
        assert world.link.status[0] == "sent", world.link.status
        saved = FOLDER / "scene.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(saved), compress=False)
        assert server.address.encode() in saved.read_bytes()  # so it would be found
        assert b"correct-horse" not in saved.read_bytes()
        world.link.close()


def case_print_mode_is_told(world: World) -> None:
    added(bpy.ops.mesh.primitive_cube_add)
    with Serving() as server:
        world.settings.address = server.address
        bpy.ops.hdaemon.send()
        assert world.link.wait(20)
        assert "only shown: the server is in print mode" in world.link.status[1]
        world.link.close()


def case_the_panel_is_drawn(world: World) -> None:
    added(bpy.ops.mesh.primitive_cube_add)
    bpy.ops.hdaemon.send()
    assert world.link.wait(20)
    drawn: list[str] = []

    class Layout:
        """As much of UILayout as the panel uses."""

        def column(self, align: bool = False) -> Layout:
            return Layout()

        def row(self, align: bool = False) -> Layout:
            return Layout()

        def prop(self, data: Any, name: str) -> None:
            assert name in data.bl_rna.properties
            drawn.append(name)

        def operator(self, name: str, icon: str = "NONE", depress: bool = False) -> None:
            assert icon in icons
            drawn.append(name)

        def label(self, text: str, icon: str = "NONE") -> None:
            assert icon in icons
            drawn.append(text)

    icons = bpy.types.UILayout.bl_rna.functions["label"].parameters["icon"].enum_items.keys()
    region = SimpleNamespace(width=250)
    context = SimpleNamespace(scene=bpy.context.scene, preferences=bpy.context.preferences, region=region)
    world.ui.HDAEMON_PT_panel.draw(SimpleNamespace(layout=Layout()), context)
    assert drawn[:7] == ["address", "channel", "token", "space", "send_vertex_groups", "hdaemon.send", "hdaemon.live"]
    assert " ".join(drawn[7:]).startswith("Sent blender/Cube: 8 points, 6 polygons in ")
    assert set(world.ui._ICONS.values()) <= set(icons)


def case_disabled_and_enabled_again(world: World) -> None:
    added(bpy.ops.mesh.primitive_cube_add)
    bpy.ops.hdaemon.live()
    assert world.link.wait(20)
    thread = world.link._sender._thread
    before = len(bpy.app.handlers.depsgraph_update_post)
    bpy.ops.preferences.addon_disable(module=MODULE)
    assert not thread.is_alive()
    assert len(bpy.app.handlers.depsgraph_update_post) == before - 1
    assert not hasattr(bpy.types.Scene, "hdaemon")
    bpy.ops.preferences.addon_enable(module=MODULE)
    assert len(bpy.app.handlers.depsgraph_update_post) == before
    World(world.server).sent(added(bpy.ops.mesh.primitive_cube_add))


def main() -> int:
    """Install the add-on as an artist does, and run the cases."""
    install()
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    known = {**vars(blender_meshes), **globals()}
    cases = [(name, case) for name, case in known.items() if name.startswith("case_") and chosen in name]
    assert cases, f"no case has {chosen!r} in its name"
    with Serving("--mode", "evaluate") as server:
        for name, case in cases:
            begin = time.perf_counter()
            case(World(server))
            say(f"ok {name} ({time.perf_counter() - begin:.1f} s)")
    sys.modules[f"{MODULE}.ui"].link.close()
    say(f"{len(cases)} cases passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
