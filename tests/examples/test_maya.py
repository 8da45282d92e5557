"""examples/maya with stand-ins for Maya's classes, whose methods and parameters are those of the published types."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import fake_maya
import numpy as np
import pytest
from helpers import ROOT, wait_until

from hdaemon.content.mesh import Mesh
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

SHAPES = ["|set|body|bodyShape", "|ns:hat|ns:hatShape"]


@pytest.fixture
def shapes() -> list[str]:
    return list(SHAPES)


@pytest.fixture
def hdaemon_maya(monkeypatch: pytest.MonkeyPatch, shapes: list[str]) -> Iterator[ModuleType]:
    for name, module in fake_maya.modules(shapes).items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(fake_maya.MFnMesh, "height", 0.0)
    for folder in ("maya", "python"):
        monkeypatch.syspath_prepend(str(ROOT / "examples" / folder))
    module = importlib.import_module("hdaemon_maya")
    yield module
    module.link.close()
    for name in ("hdaemon_maya", "live_sender"):
        sys.modules.pop(name, None)


def stubs() -> dict[str, dict[str, ast.FunctionDef | None]]:
    """Return the published classes of OpenMaya: their methods, and None for other names, inherited ones too."""
    try:
        files = importlib.metadata.distribution("types-maya-strict").files or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("types-maya-strict is not installed: the stand-ins for Maya are not checked against it")
    path = next(file for file in files if str(file).replace("\\", "/").endswith("api/OpenMaya.pyi"))
    found: dict[str, dict[str, ast.FunctionDef | None]] = {}
    for node in ast.parse(Path(str(path.locate())).read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        members: dict[str, ast.FunctionDef | None] = {}
        for base in node.bases:
            if isinstance(base, ast.Name):
                members.update(found.get(base.id, {}))
        for item in node.body:
            if isinstance(item, ast.FunctionDef):
                members[item.name] = item
            elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                members[item.target.id] = None
        found[node.name] = members
    return found


def test_the_stand_ins_are_what_maya_publishes() -> None:
    published = stubs()
    checked = 0
    for cls in fake_maya.CLASSES:
        assert cls.__name__ in published, f"Maya has no class {cls.__name__}"
        for name, member in vars(cls).items():
            if name.startswith("_") or (cls, name) in ((fake_maya.MMessage, "fire"), (fake_maya.MMessage, "callbacks")):
                continue
            if (cls, name) in ((fake_maya.MFnMesh, "height"), (fake_maya.MGlobal, "said")):
                continue
            assert name in published[cls.__name__], f"Maya's {cls.__name__} has no {name}"
            stub = published[cls.__name__][name]
            if stub is None or stub.args.vararg is not None:  # published without its parameters
                continue
            theirs = [arg.arg for arg in stub.args.args if arg.arg != "self"]
            function = member.__func__ if isinstance(member, staticmethod) else member
            ours = [parameter for parameter in inspect.signature(function).parameters if parameter != "self"]
            assert ours == theirs[: len(ours)], f"{cls.__name__}.{name}"
            checked += 1
    assert checked > 8


def test_a_mesh_as_arrays(hdaemon_maya: ModuleType) -> None:
    mesh = Mesh(**hdaemon_maya.mesh_of(fake_maya.MFnMesh(), up="Z"))
    assert mesh.points.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 2, 0], [9, 9, 0]]
    assert (mesh.points.dtype, mesh.counts.tolist(), mesh.indices.tolist()) == (
        np.float32,
        [4, 3],
        [0, 1, 2, 3, 3, 2, 4],
    )
    assert mesh.vertex["N"].tolist() == [[0, 0, 1]] * 4 + [[1, 0, 0]] * 2 + [[0, 0, 1]]
    assert mesh.vertex["uv"].tolist() == [[0, 1], [0.25, 0.75], [0.5, 0.5], [0, 1], [0.25, 0.75], [0.5, 0.5], [0, 1]]
    assert mesh.vertex["light_map"].tolist() == [[0, 0]] * 4 + [[0.125, 0.875]] * 3
    assert mesh.vertex["Cd"][3].tolist() == [0.375, 0.5, 0.25]
    assert mesh.vertex["Alpha"].tolist() == [0.5] + [1.0] * 6
    assert [mesh.prim["material"][i] for i in range(2)] == ["gold", ""]
    assert mesh.kinds == {
        "vertex/N": "normal",
        "vertex/uv": "texturecoord",
        "vertex/light_map": "texturecoord",
        "vertex/Cd": "color",
    }
    assert (mesh.winding, mesh.up, mesh.metres_per_unit) == ("counterclockwise", "Z", 0.01)
    assert Mesh(**hdaemon_maya.mesh_of(fake_maya.MFnMesh(), mirrored=True)).winding == "clockwise"


def test_a_shading_group_without_a_shader_gives_its_own_name(hdaemon_maya: ModuleType) -> None:
    assert hdaemon_maya._shader_of(fake_maya.MObject("bareSG")) == "bareSG"


def idle_until(condition: object, what: str = "") -> None:
    """Be Maya's event loop."""

    def turned() -> object:
        fake_maya.MMessage.fire("idle")
        return condition()  # type: ignore[operator]

    wait_until(turned, what)


def test_send_selected(hdaemon_maya: ModuleType, server: HPythonServer, store: Store) -> None:
    server.mode = "evaluate"
    link = hdaemon_maya.link
    link.address = f"127.0.0.1:{server.port}"
    assert link.send() == 2
    idle_until(lambda: not fake_maya.MMessage.callbacks, "it stops to listen when all is sent")
    assert {"maya/set/body", "maya/ns:hat"} == set(store)
    assert len(store["maya/set/body"].data.points) == 6
    assert fake_maya.MGlobal.said[-1].startswith("info: hdaemon: Sent maya/ns:hat: 6 points, 2 polygons in ")


def test_live_sends_what_changes_and_stops(
    hdaemon_maya: ModuleType, server: HPythonServer, store: Store, shapes: list[str]
) -> None:
    server.mode = "evaluate"
    del shapes[1]
    link = hdaemon_maya.link
    link.address = f"127.0.0.1:{server.port}"
    assert link.start() == 1
    idle_until(lambda: store.serial == 1)
    kinds = sorted(kind for kind, _ in fake_maya.MMessage.callbacks.values())
    assert kinds == ["dirty body", "dirty bodyShape", "dirty set", "idle", "scene 1", "scene 3", "time"]
    for height, what in enumerate(("dirty bodyShape", "dirty set", "time"), 1):
        fake_maya.MFnMesh.height = float(height)
        for _ in range(5):  # many at once are one change
            fake_maya.MMessage.fire(what)
        idle_until(lambda height=height: store["maya/set/body"].data.points[0][2] == height)
        assert store.serial == 1 + height
    fake_maya.MMessage.fire("scene 3")
    assert not link.live
    assert fake_maya.MMessage.callbacks == {}


def test_live_ends_with_the_last_shape(hdaemon_maya: ModuleType, server: HPythonServer, shapes: list[str]) -> None:
    link = hdaemon_maya.link
    link.address = f"127.0.0.1:{server.port}"
    link.start()
    idle_until(lambda: not link._sender.busy)
    shapes.clear()
    fake_maya.MMessage.fire("time")
    idle_until(lambda: not link.live and not fake_maya.MMessage.callbacks)


def test_what_cannot_be_sent_is_said(hdaemon_maya: ModuleType, shapes: list[str]) -> None:
    link = hdaemon_maya.link
    link.channel = "one"
    with pytest.raises(ValueError, match=r"write \{object\} in its name"):
        link.send()
    del shapes[1]
    link.address = "nowhere"
    with pytest.raises(ValueError, match="write HOST:PORT"):
        link.send()
    link.address = "127.0.0.1:1"
    link.send()
    idle_until(lambda: not fake_maya.MMessage.callbacks)
    assert fake_maya.MGlobal.said[-1].startswith("warning: hdaemon: Not sent: 127.0.0.1:1 refused")
    shapes.clear()
    hdaemon_maya._try(link.send)
    assert fake_maya.MGlobal.said[-1] == "error: hdaemon: nothing to send: select an object that has a mesh"


def test_names_of_channels(hdaemon_maya: ModuleType) -> None:
    assert hdaemon_maya.channel_of("maya/{object}", "|a|b#1|b1Shape") == "maya/a/b_1"
    assert hdaemon_maya.channel_of(" ", "|a|aShape") == "maya/a"
