"""A small `hou`: what hdaemon uses of it, with the signatures of the published stubs (test_fake_hou.py compares them).

Self-contained: a test may copy it to a folder as hou.py for another process. Names with an underscore are the tests'.
"""

import types
from collections.abc import Callable, Sequence


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


session = types.ModuleType("hou.session")

_gui = True
_application = "houdini"
_callbacks: list[Callable[[EnumValue], None]] = []
_interfaces: "dict[str, PythonPanelInterface]" = {}
_tabs: "list[PaneTab]" = []
_windows: list[dict] = []


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
    pass


class PythonPanel(PathBasedPaneTab):
    _interface = None

    def activeInterface(self) -> "PythonPanelInterface | None":  # noqa: N802
        return self._interface


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
