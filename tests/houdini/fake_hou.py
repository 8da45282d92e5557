"""A small `hou`: what hdaemon uses of it, with the signatures of the published stubs (test_fake_hou.py compares them).

This file has the session and its interface, and stands alone: a test may copy it to a folder as hou.py for another
process. The fixture `hou` adds the other files fake_hou_*.py, in the same module. Names with an underscore
are the tests'.
"""

import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hou import Node


class EnumValue:
    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name


class hipFileEventType:  # noqa: N801
    BeforeClear = EnumValue("BeforeClear")
    AfterClear = EnumValue("AfterClear")
    BeforeLoad = EnumValue("BeforeLoad")
    AfterLoad = EnumValue("AfterLoad")
    AfterSave = EnumValue("AfterSave")


class paneTabType:  # noqa: N801
    PythonPanel = EnumValue("PythonPanel")
    SceneViewer = EnumValue("SceneViewer")
    NetworkEditor = EnumValue("NetworkEditor")


class severityType:  # noqa: N801
    Message = EnumValue("Message")
    Warning = EnumValue("Warning")
    Error = EnumValue("Error")


class Error(Exception):
    pass


class OperationFailed(Error):
    pass


session = types.ModuleType("hou.session")

_gui = True
_application = "houdini"
_callbacks: list[Callable[[EnumValue], None]] = []
_interfaces: "dict[str, PythonPanelInterface]" = {}
_tabs: "list[PaneTab]" = []
_windows: list[dict] = []
_idle: list[Callable[[], None]] = []
_messages: list[str] = []  # what ui.displayMessage showed
_answers: list[object] = []  # of the dialogs to come
_editor: "NetworkEditor | None" = None


def _new_scene(*events: str) -> None:
    """File > New or Open, in a Houdini that forgets what was set in hou.session."""
    for event in events:
        if event == "AfterClear":
            vars(session).pop("dataobject", None)
        for callback in tuple(_callbacks):
            callback(getattr(hipFileEventType, event))


def isUIAvailable() -> bool:  # noqa: N802
    return _gui


def applicationName() -> str:  # noqa: N802
    return _application


class hipFile:  # noqa: N801
    @staticmethod
    def addEventCallback(callback: Callable[[EnumValue], None]) -> None:  # noqa: N802
        _callbacks.append(callback)

    @staticmethod
    def removeEventCallback(callback: Callable[[EnumValue], None]) -> None:  # noqa: N802
        _callbacks.remove(callback)

    @staticmethod
    def eventCallbacks() -> tuple[Callable[[EnumValue], None], ...]:  # noqa: N802
        return tuple(_callbacks)


class PythonPanelInterface:
    def __init__(self, *args, **kwargs) -> None:
        (self._name,) = args

    def name(self) -> str:
        return self._name


class PaneTab:
    _current = False

    def setIsCurrentTab(self) -> None:  # noqa: N802
        self._current = True


class PathBasedPaneTab(PaneTab):
    _network = None

    def pwd(self) -> "Node":
        return self._network


class PythonPanel(PathBasedPaneTab):
    _interface = None

    def activeInterface(self) -> "PythonPanelInterface | None":  # noqa: N802
        return self._interface


class NetworkEditor(PathBasedPaneTab):
    pass


class Desktop:
    def createFloatingPaneTab(  # noqa: N802
        self,
        pane_tab_type: EnumValue,
        position: Sequence[float] = (),
        size: Sequence[float] = (),
        python_panel_interface: "str | None" = None,
        immediate: bool = False,
    ) -> PaneTab:
        assert pane_tab_type is paneTabType.PythonPanel
        tab = PythonPanel()
        tab._interface = _interfaces[python_panel_interface]
        _tabs.append(tab)
        _windows.append({"size": tuple(size), "immediate": immediate})
        return tab


class pypanel:  # noqa: N801
    @staticmethod
    def interfaceByName(name: str) -> "PythonPanelInterface | None":  # noqa: N802
        return _interfaces.get(name)


class ui:  # noqa: N801
    @staticmethod
    def paneTabs() -> tuple[PaneTab, ...]:  # noqa: N802
        return tuple(_tabs)

    @staticmethod
    def curDesktop() -> Desktop:  # noqa: N802
        return Desktop()

    @staticmethod
    def scaledSize(size: int) -> int:  # noqa: N802
        return 2 * size

    @staticmethod
    def paneTabOfType(type: EnumValue, index: int = 0) -> "PaneTab | None":  # noqa: A002, N802
        return _editor if type is paneTabType.NetworkEditor else None

    @staticmethod
    def addEventLoopCallback(callback: Callable[[], None]) -> None:  # noqa: N802
        _idle.append(callback)

    @staticmethod
    def removeEventLoopCallback(callback: Callable[[], None]) -> None:  # noqa: N802
        _idle.remove(callback)

    @staticmethod
    def eventLoopCallbacks() -> tuple[Callable[[], None], ...]:  # noqa: N802
        return tuple(_idle)

    @staticmethod
    def displayMessage(  # noqa: N802
        text: str,
        buttons: Sequence[str] = ("OK",),
        severity: EnumValue = severityType.Message,
        default_choice: int = 0,
        close_choice: int = -1,
        help: "str | None" = None,  # noqa: A002
        title: "str | None" = None,
        details: "str | None" = None,
        details_label: "str | None" = None,
        details_expanded: bool = False,
        suppress: "EnumValue | None" = None,
    ) -> int:
        _messages.append(text)
        return 0

    @staticmethod
    def readInput(  # noqa: N802
        text: str,
        buttons: Sequence[str] = ("OK",),
        severity_type: EnumValue = severityType.Message,
        default_choice: int = 0,
        close_choice: int = -1,
        help: "str | None" = None,  # noqa: A002
        title: "str | None" = None,
        initial_contents: "str | None" = None,
    ) -> tuple[int, str]:
        _messages.append(text)
        return _answers.pop(0)

    @staticmethod
    def selectFromList(  # noqa: N802
        choices: Sequence[str],
        default_choices: Sequence[int] = (),
        exclusive: bool = False,
        message: "str | None" = None,
        title: "str | None" = None,
        column_header: str = "Choices",
        num_visible_rows: int = 10,
        clear_on_cancel: bool = False,
        width: int = 0,
        height: int = 0,
        sort: bool = False,
        condense_paths: bool = False,
    ) -> tuple[int, ...]:
        _messages.append("|".join(choices))
        return _answers.pop(0)
