"""Parameters and undo of the small `hou`: see fake_hou.py."""

from typing import TYPE_CHECKING

from hou import EnumValue

if TYPE_CHECKING:
    from hou import NetworkEditor, OpNode, SopNode

_undone: list[str] = []  # labels on the list of undos
_undo_depth: list[str] = []  # open groups, "" for a disabler
_cooks: "list[SopNode]" = []  # those under way, innermost last


class scriptLanguage:  # noqa: N801
    Hscript = EnumValue("Hscript")
    Python = EnumValue("Python")


class folderType:  # noqa: N801
    Simple = EnumValue("Simple")


class menuType:  # noqa: N801
    Normal = EnumValue("Normal")
    StringReplace = EnumValue("StringReplace")


class ParmTemplate:
    def __init__(self, name: str, label: str, *rest: object, **options: object) -> None:
        self._name, self._label, self._rest, self._options = name, label, rest, options

    def name(self) -> str:
        return self._name

    def label(self) -> str:
        return self._label

    def _parms(self) -> "list[ParmTemplate]":
        return [self]

    def _default(self) -> object:
        return None


class StringParmTemplate(ParmTemplate):
    def _default(self) -> str:
        return self._options.get("default_value", ("",))[0]


class IntParmTemplate(ParmTemplate):
    def _default(self) -> int:
        return 0


class ToggleParmTemplate(ParmTemplate):
    def _default(self) -> int:
        return int(self._rest[0])


class ButtonParmTemplate(ParmTemplate):
    def _default(self) -> int:
        return 0


class FolderParmTemplate(ParmTemplate):
    def _parms(self) -> list[ParmTemplate]:
        return [parm for entry in self._rest[0] for parm in entry._parms()]


class ParmTemplateGroup:
    def __init__(self) -> None:
        self._entries: list[ParmTemplate] = []

    def append(self, parm_template: ParmTemplate) -> None:
        self._entries.append(parm_template)

    def entries(self) -> tuple[ParmTemplate, ...]:
        return tuple(self._entries)


class Parm:
    def __init__(self, node: "OpNode", template: ParmTemplate) -> None:
        self._node, self._template, self._value = node, template, template._default()

    def name(self) -> str:
        return self._template.name()

    def eval(self) -> "int | str":
        if _cooks and _cooks[-1] is self._node:
            self._node._read.add(self.name())
        return self._value

    def evalAsInt(self) -> int:  # noqa: N802
        return int(self.eval())

    def evalAsString(self) -> str:  # noqa: N802
        return str(self.eval())

    def set(self, value: "int | str", language: "EnumValue | None" = None, follow_parm_reference: bool = True) -> None:
        assert not _cooks, "SideFX: do not set node parameters inside a Python SOP"
        self._node._check()
        if not _undo_depth:
            _undone.append(f"set {self.name()}")
        if value != self._value and self.name() in self._node._read:
            self._node._dirty = True
        self._value = type(self._value)(value)

    def pressButton(self, arguments: "dict[str, int | float | str]" = {}) -> None:  # noqa: B006, N802
        assert self._template._options["script_callback_language"] is scriptLanguage.Python
        with undos.group(self._template.label()):
            exec(self._template._options["script_callback"], {"kwargs": {"node": self._node}})


class UndosGroup:
    _label = ""

    def __enter__(self) -> "UndosGroup":
        _undo_depth.append(self._label)
        return self

    def __exit__(self, *_: object) -> None:
        _undo_depth.pop()
        if self._label and not _undo_depth:
            _undone.append(self._label)


class UndosDisabler:
    def __enter__(self) -> "UndosDisabler":
        _undo_depth.append("")
        return self

    def __exit__(self, *_: object) -> None:
        _undo_depth.pop()


class undos:  # noqa: N801
    @staticmethod
    def disabler() -> UndosDisabler:
        return UndosDisabler()

    @staticmethod
    def group(label: str, editor: "NetworkEditor | None" = None) -> UndosGroup:
        made = UndosGroup()
        made._label = label
        return made
