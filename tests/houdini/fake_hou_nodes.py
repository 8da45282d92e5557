"""Nodes of the small `hou`, whose cooks are really run: see fake_hou.py."""

import sys
from collections.abc import Sequence
from itertools import count

from hou import (
    EnumValue,
    Error,
    Geometry,
    OperationFailed,
    Parm,
    ParmTemplateGroup,
    StringParmTemplate,
    _cooks,
    _idle,
    _new_scene,
    _undo_depth,
    _undone,
)


class updateMode:  # noqa: N801
    AutoUpdate = EnumValue("AutoUpdate")
    OnMouseUp = EnumValue("OnMouseUp")
    Manual = EnumValue("Manual")


_mode = updateMode.AutoUpdate
_numbers = count(1000)
_by_id: "dict[int, Node]" = {}
_keeps_geometry = False  # whether a Python SOP without inputs begins with what its last cook left


class ObjectWasDeleted(Error):
    pass


class NodeError(Error):
    pass


class NodeWarning(Error):
    pass


class NodeTypeCategory:
    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name


class NetworkItem:
    pass


class NetworkMovableItem(NetworkItem):
    def __init__(self, name: str, parent: "Node | None") -> None:
        self._name, self._parent, self._id, self._deleted = name, parent, next(_numbers), False

    def _check(self) -> None:
        if self._deleted:
            raise ObjectWasDeleted

    def name(self) -> str:
        return self._name

    def setName(self, name: str, unique_name: bool = False) -> None:  # noqa: N802
        self._name = name

    def path(self) -> str:
        self._check()
        above = self._parent.path() if self._parent is not None else ""
        return f"{above.rstrip('/')}/{self._name}"

    def parent(self) -> "Node | None":
        return self._parent

    def sessionId(self) -> int:  # noqa: N802
        self._check()
        return self._id


class Node(NetworkMovableItem):
    _children_are = ""

    def __init__(self, name: str, parent: "Node | None") -> None:
        super().__init__(name, parent)
        self._nodes: list[Node] = []
        self._user: dict[str, str] = {}
        self._errors: tuple[str, ...] = ()
        self._warnings: tuple[str, ...] = ()
        self._told: tuple[str, ...] = ()
        self._inputs: tuple[Node, ...] = ()
        self._current = False
        _by_id[self._id] = self

    def childTypeCategory(self) -> NodeTypeCategory:  # noqa: N802
        return NodeTypeCategory(self._children_are)

    def errors(self) -> tuple[str, ...]:
        return self._errors

    def warnings(self) -> tuple[str, ...]:
        return self._warnings

    def messages(self) -> tuple[str, ...]:
        return self._told

    def inputs(self) -> "tuple[Node, ...]":
        return self._inputs

    def setInput(  # noqa: N802
        self, input_index: int, item_to_become_input: "Node | None", output_index: int = 0
    ) -> None:
        self._inputs = () if item_to_become_input is None else (item_to_become_input,)

    def moveToGoodPosition(  # noqa: N802
        self,
        relative_to_inputs: bool = True,
        move_inputs: bool = True,
        move_outputs: bool = True,
        move_unconnected: bool = True,
    ) -> None:
        pass

    def isCurrent(self) -> bool:  # noqa: N802
        return self._current

    def setCurrent(self, on: bool, clear_all_selected: bool = False) -> None:  # noqa: N802
        self._current = on

    def setUserData(self, name: str, value: str) -> None:  # noqa: N802
        assert isinstance(value, str)
        self._user[name] = value

    def userData(self, name: str) -> "str | None":  # noqa: N802
        return self._user.get(name)

    def destroyUserData(self, name: str, must_exist: bool = True) -> None:  # noqa: N802
        if self._user.pop(name, None) is None and must_exist:
            raise OperationFailed(name)

    def destroy(self, disable_safety_checks: bool = False) -> None:
        for child in tuple(self._nodes):
            child.destroy()
        self._deleted = True
        del _by_id[self._id]
        self._parent._nodes.remove(self)


class OpNode(Node):
    def __init__(self, name: str, parent: "Node | None") -> None:
        super().__init__(name, parent)
        self._templates = ParmTemplateGroup()
        self._parms: dict[str, Parm] = {}
        self._cached: dict[str, object] = {}
        self._read: set[str] = set()
        self._dirty = True

    def children(self) -> "tuple[OpNode, ...]":
        return tuple(self._nodes)

    def node(self, node_path: str) -> "OpNode | None":
        found = self
        for name in node_path.split("/"):
            found = next((child for child in found._nodes if child._name == name), None)
            if found is None:
                return None
        return found

    def createNode(  # noqa: N802
        self,
        node_type_name: str,
        node_name: "str | None" = None,
        run_init_scripts: bool = True,
        load_contents: bool = True,
        exact_type_name: bool = False,
        force_valid_node_name: bool = False,
    ) -> "OpNode":
        kinds = {("Object", "geo"): ObjNode, ("Sop", "python"): SopNode, ("Sop", "null"): SopNode}
        kind = kinds.get((self._children_are, node_type_name))
        name = node_name or f"{node_type_name}1"
        if kind is None or not name.isidentifier():
            raise OperationFailed(f"Invalid node type or name: {node_type_name} {name}")
        stem, number = name.rstrip("0123456789"), 1
        while self.node(name) is not None:
            name, number = f"{stem}{number}", number + 1
        made = kind(name, self)
        self._nodes.append(made)
        if not _undo_depth:
            _undone.append(f"create {name}")
        return made

    def parm(self, parm_path: str) -> "Parm | None":
        self._check()
        return self._parms.get(parm_path)

    def evalParm(self, parm_path: str) -> "int | str":  # noqa: N802
        found = self.parm(parm_path)
        if found is None:
            raise OperationFailed(f"no parameter {parm_path}")
        return found.eval()

    def setParms(self, parm_dict: "dict[str, int | str]") -> None:  # noqa: N802
        for name, value in parm_dict.items():
            self._parms[name].set(value)

    def parmTemplateGroup(self) -> ParmTemplateGroup:  # noqa: N802
        return self._templates

    def setParmTemplateGroup(  # noqa: N802
        self, parm_template_group: ParmTemplateGroup, rename_conflicting_parms: bool = False
    ) -> None:
        self._templates, old = parm_template_group, self._parms
        self._parms = {}
        for template in (parm for entry in parm_template_group.entries() for parm in entry._parms()):
            assert template.name() not in self._parms, template.name()
            self._parms[template.name()] = old.get(template.name()) or Parm(self, template)

    def setCachedUserData(self, name: str, value: object) -> None:  # noqa: N802
        self._cached[name] = value

    def cachedUserData(self, name: str) -> object:  # noqa: N802
        return self._cached.get(name)

    def addMessage(self, message: "str | None" = None) -> None:  # noqa: N802
        assert _cooks, "only within a cook"
        assert _cooks[-1] is self
        self._told += (message,)

    def needsToCook(self, time: float = 0.0) -> bool:  # noqa: N802
        return self._dirty

    def cook(self, force: bool = False, frame_range: Sequence[float] = ()) -> None:
        if force or self._dirty:
            self._cook()
        if self._errors:
            raise OperationFailed("\n".join(self._errors))


class ObjNode(OpNode):
    _children_are = "Sop"

    def displayNode(self) -> "SopNode | None":  # noqa: N802
        return next((node for node in self._nodes if node._displayed), None)


class SopNode(OpNode):
    def __init__(self, name: str, parent: Node) -> None:
        super().__init__(name, parent)
        group = ParmTemplateGroup()
        group.append(StringParmTemplate("python", "Python Code", 1))
        self.setParmTemplateGroup(group)
        self._geometry = Geometry()
        self._geometry._writable = False
        self._displayed = False
        self._cook_count = 0

    def setDisplayFlag(self, on: bool) -> None:  # noqa: N802
        for node in self._parent._nodes:
            node._displayed = node is self and on

    def isDisplayFlagSet(self) -> bool:  # noqa: N802
        return self._displayed

    def setRenderFlag(self, on: bool) -> None:  # noqa: N802
        pass

    def geometry(self, output_index: int = 0) -> "Geometry | None":
        self._check()
        if self not in _cooks and self._dirty:
            self._cook()
        return None if self._errors and self not in _cooks else self._geometry

    def _cook(self) -> None:
        self._check()
        self._errors = self._warnings = self._told = ()
        self._read, self._dirty = set(), False
        self._cook_count += 1
        geometry = self._geometry
        geometry._writable = True
        if self._inputs:
            geometry._mesh = self._inputs[0].geometry()._mesh
        elif not _keeps_geometry:
            geometry._mesh = None
        geometry._calls.clear()
        _cooks.append(self)
        try:
            exec(self._parms["python"].eval(), {"hou": sys.modules["hou"]})
        except NodeWarning as warning:
            self._warnings = (str(warning),)
        except NodeError as error:
            self._errors = (str(error),)
        except Exception as error:  # as Houdini does with what the code did not catch
            self._errors = (f"Python error: {type(error).__name__}: {error}",)
        finally:
            _cooks.pop()
            geometry._writable = False


def node(path: str) -> "Node | None":
    if path == "/":
        return _root
    return _root.node(path.strip("/"))


def nodeBySessionId(session_id: int) -> "Node | None":  # noqa: N802
    return _by_id.get(session_id)


def pwd() -> Node:
    return _cooks[-1]


def updateModeSetting() -> EnumValue:  # noqa: N802
    return _mode


def setUpdateMode(mode: EnumValue) -> None:  # noqa: N802
    global _mode
    _mode = mode


def _draw() -> int:
    """What Houdini does when it draws: cook what is displayed and due. Return how many nodes cooked."""
    due = [found for found in tuple(_by_id.values()) if isinstance(found, SopNode) and found._displayed]
    due = [found for found in due if found._dirty and _mode is not updateMode.Manual]
    for found in due:
        found._cook()
    return len(due)


def _rest() -> None:
    """Let Houdini's event loop turn once with nothing to do."""
    for callback in tuple(_idle):
        callback()


def _reopen() -> None:
    """Save the scene and open it again: parameters and user data are there, all else of the nodes is new."""

    def saved(old: OpNode) -> list:
        values = {name: parm._value for name, parm in old._parms.items()}
        children = [saved(child) for child in old._nodes]
        return [type(old), old._name, old._templates, values, dict(old._user), children]

    def loaded(what: list, into: OpNode) -> None:
        kind, name, templates, values, user, children = what
        made = kind(name, into)
        into._nodes.append(made)
        made.setParmTemplateGroup(templates)
        for key, value in values.items():
            made._parms[key]._value = value
        made._user, made._displayed = user, kind is SopNode
        for child in children:
            loaded(child, made)

    objects = _root.node("obj")
    scene = [saved(child) for child in objects._nodes]
    _new_scene("BeforeLoad", "BeforeClear", "AfterClear")
    for child in tuple(objects._nodes):
        child.destroy()
    for child in scene:
        loaded(child, objects)
    _new_scene("AfterLoad")


_root = OpNode("", None)
_root._nodes.append(OpNode("obj", _root))
_root._nodes[0]._children_are = "Object"
