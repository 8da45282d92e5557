"""As much of Maya as examples/maya uses. test_maya.py checks it against the published types (types-maya-strict)."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


class MObject:
    def __init__(self, name: str = "", shader: MObject | None = None) -> None:
        self.name, self.shader = name, shader


class MPlug:
    def __init__(self, node: MObject | None) -> None:
        self._node, self.isNull = node, node is None

    def source(self) -> MPlug:
        return self

    def node(self) -> MObject | None:
        return self._node


class MFnDependencyNode:
    def __init__(self, node: MObject) -> None:
        self._node = node

    def name(self) -> str:
        return self._node.name

    def hasAttribute(self, name: str) -> bool:  # noqa: N802
        return name == "surfaceShader"

    def findPlug(self, name: str, wantNetworkedPlug: bool) -> MPlug:  # noqa: N802, N803
        assert not wantNetworkedPlug
        return MPlug(self._node.shader)


class MMatrix:
    def __init__(self, determinant: float = 1.0) -> None:
        self._determinant = determinant

    def det3x3(self) -> float:
        return self._determinant


class MDagPath:
    def __init__(self, name: str) -> None:
        self._parts = name.strip("|").split("|")

    def length(self) -> int:
        return len(self._parts)

    def node(self) -> MObject:
        return MObject(self._parts[-1])

    def pop(self) -> MDagPath:
        self._parts.pop()
        return self

    def inclusiveMatrix(self) -> MMatrix:  # noqa: N802
        return MMatrix()


class MSelectionList:
    def __init__(self) -> None:
        self._names: list[str] = []

    def add(self, item: str) -> MSelectionList:
        self._names.append(item)
        return self

    def getDagPath(self, index: int) -> MDagPath:  # noqa: N802
        return MDagPath(self._names[index])


class MColor(tuple):  # type: ignore[type-arg]
    __slots__ = ()


class MSpace:
    kWorld = 4  # noqa: N815


class MFnMesh:
    """A square and a triangle, of six points; the triangle has no uv in the second set and no shader."""

    height = 0.0

    def __init__(self, path: MDagPath | None = None) -> None:
        pass

    def getVertices(self) -> tuple[list[int], list[int]]:  # noqa: N802
        return [4, 3], [0, 1, 2, 3, 3, 2, 4]

    def getFloatPoints(self, space: int) -> list[tuple[float, ...]]:  # noqa: N802
        assert space == MSpace.kWorld
        return [(x, y, self.height, 1.0) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1), (2, 2), (9, 9))]

    def getNormals(self, space: int) -> list[tuple[float, ...]]:  # noqa: N802
        assert space == MSpace.kWorld
        return [(0, 0, 1), (1, 0, 0)]

    def getNormalIds(self) -> tuple[list[int], list[int]]:  # noqa: N802
        return [4, 3], [0, 0, 0, 0, 1, 1, 0]

    def getUVSetNames(self) -> tuple[str, ...]:  # noqa: N802
        return ("light.map", "map1")

    def currentUVSetName(self) -> str:  # noqa: N802
        return "map1"

    def getUVs(self, uvSet: str) -> tuple[list[float], list[float]]:  # noqa: N802, N803
        return ([0.0, 0.25, 0.5], [1.0, 0.75, 0.5]) if uvSet == "map1" else ([0.125], [0.875])

    def getAssignedUVs(self, uvSet: str) -> tuple[list[int], list[int]]:  # noqa: N802, N803
        return ([4, 3], [0, 1, 2, 0, 1, 2, 0]) if uvSet == "map1" else ([0, 3], [0, 0, 0])

    def getColorSetNames(self) -> tuple[str, ...]:  # noqa: N802
        return ("paint",)

    def currentColorSetName(self) -> str:  # noqa: N802
        return "paint"

    def getFaceVertexColors(self, colorSet: str, defaultUnsetColor: MColor) -> list[MColor]:  # noqa: N802, N803
        assert (colorSet, tuple(defaultUnsetColor)) == ("paint", (1, 1, 1, 1))
        return [MColor((i / 8, 0.5, 0.25, 1.0 if i else 0.5)) for i in range(7)]

    def getConnectedShaders(self, instanceNumber: int) -> tuple[list[MObject], list[int]]:  # noqa: N802, N803
        assert instanceNumber == 0
        return [MObject("goldSG", MObject("gold")), MObject("bareSG")], [0, -1]


class MMessage:
    callbacks: dict[int, tuple[str, Callable[..., None]]] = {}  # noqa: RUF012

    @classmethod
    def _added(cls, what: str, function: Callable[..., None]) -> int:
        number = 1 + max(cls.callbacks, default=0)
        cls.callbacks[number] = (what, function)
        return number

    @staticmethod
    def removeCallbacks(ids: list[int]) -> None:  # noqa: N802
        for number in ids:
            del MMessage.callbacks[number]

    @classmethod
    def fire(cls, what: str, *arguments: Any) -> None:
        for kind, function in list(cls.callbacks.values()):
            if kind == what:
                function(*arguments)


class MNodeMessage:
    @staticmethod
    def addNodeDirtyCallback(node: MObject, function: Callable[..., None]) -> int:  # noqa: N802
        return MMessage._added("dirty " + node.name, function)


class MDGMessage:
    @staticmethod
    def addTimeChangeCallback(function: Callable[..., None]) -> int:  # noqa: N802
        return MMessage._added("time", function)


class MSceneMessage:
    kBeforeNew, kBeforeOpen = 1, 3  # noqa: N815

    @staticmethod
    def addCallback(message: int, function: Callable[..., None]) -> int:  # noqa: N802
        return MMessage._added(f"scene {message}", function)


class MEventMessage:
    @staticmethod
    def addEventCallback(eventName: str, function: Callable[..., None]) -> int:  # noqa: N802, N803
        return MMessage._added(eventName, function)


class MGlobal:
    said: list[str] = []  # noqa: RUF012

    @staticmethod
    def displayInfo(msg: str) -> None:  # noqa: N802, N803
        MGlobal.said.append("info: " + msg)

    @staticmethod
    def displayWarning(msg: str) -> None:  # noqa: N802, N803
        MGlobal.said.append("warning: " + msg)

    @staticmethod
    def displayError(msg: str) -> None:  # noqa: N802, N803
        MGlobal.said.append("error: " + msg)


CLASSES = (MFnMesh, MFnDependencyNode, MPlug, MDagPath, MSelectionList, MMatrix, MSpace, MMessage, MNodeMessage)
CLASSES += (MDGMessage, MSceneMessage, MEventMessage, MGlobal, MColor)


def modules(shapes: list[str]) -> dict[str, ModuleType]:
    """Return the modules as they are imported; `shapes` is what is selected, and exists."""
    maya, api, open_maya, cmds = (ModuleType(n) for n in ("maya", "maya.api", "maya.api.OpenMaya", "maya.cmds"))
    MMessage.callbacks.clear()
    MGlobal.said.clear()
    for cls in CLASSES:
        setattr(open_maya, cls.__name__, cls)

    def ls(*, selection: bool, dagObjects: bool, noIntermediate: bool, type: str, long: bool) -> list[str]:  # noqa: A002, N803
        assert selection
        assert dagObjects
        assert noIntermediate
        assert long
        assert type == "mesh"
        return list(shapes)

    cmds.ls = ls  # type: ignore[attr-defined]
    cmds.objExists = lambda name: name in shapes  # type: ignore[attr-defined]
    cmds.upAxis = lambda *, query, axis: "y"  # type: ignore[attr-defined]
    cmds.text = lambda name, *, exists: False  # type: ignore[attr-defined]
    maya.api, maya.cmds, api.OpenMaya = api, cmds, open_maya  # type: ignore[attr-defined]
    return {"maya": maya, "maya.api": api, "maya.api.OpenMaya": open_maya, "maya.cmds": cmds}
