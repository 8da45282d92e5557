"""The files that Houdini reads: each is run, parsed or looked up as Houdini would."""

from __future__ import annotations

import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import pytest
from helpers import ROOT, run_python
from qtpy import QtGui, QtWidgets

import hdaemon
from hdaemon import paths
from hdaemon.commands.package import package_text
from hdaemon.houdini import pane

SHIMS = sorted((ROOT / "houdini").glob("python*libs/*.py"))
STARTED = "started python server in thread: python_server\n"


def _exec(path: Path) -> None:
    """Run a start-up file as Houdini does: its text, with no __file__."""
    exec(compile(path.read_text(encoding="utf-8"), "<start-up>", "exec"), {"__name__": "__main__"})


def test_there_is_a_shim_for_each_python_of_houdini() -> None:
    found = [f"{path.parent.name}/{path.name}" for path in SHIMS]
    folders = ("python3.10libs", "python3.11libs", "python3.13libs")
    assert found == [f"{folder}/{name}.py" for folder in folders for name in ("pythonrc", "uiready")]


@pytest.mark.parametrize("path", SHIMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.usefixtures("python_server")
def test_a_shim_starts_the_server_in_its_case_only(
    hou: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ui_ready = path.stem == "uiready"
    _exec(path)  # with an interface: pythonrc runs before it is there
    assert (hdaemon.find() is not None) == ui_ready
    assert capfd.readouterr() == (STARTED if ui_ready else "", "")
    if not ui_ready:
        hou._gui, hou._application = False, "hython"
        monkeypatch.setenv("HDAEMON_AUTOSTART", "1")
        _exec(path)
        assert hdaemon.find() is not None
        assert capfd.readouterr() == (STARTED, "")


@pytest.mark.parametrize("path", SHIMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize("broken", ["hdaemon.paths", "hdaemon.houdini.startup"])
def test_a_shim_never_raises(
    path: Path, broken: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    package, _, module = broken.rpartition(".")
    monkeypatch.setitem(sys.modules, broken, None)
    monkeypatch.delattr(f"{package}.{module}", raising=False)
    _exec(path)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert re.fullmatch(r"hdaemon: not loaded: .*hdaemon install.*\n", err)


def test_pythonrc_imports_no_qt_where_an_interface_is_to_come(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("fake_hou.py"), tmp_path / "hou.py")
    done = run_python(
        """
        import sys
        sys.path.insert(0, sys.argv[1])
        exec(open(sys.argv[2], encoding="utf-8").read(), {"__name__": "__main__"})
        assert "hdaemon.houdini.startup" in sys.modules, "the start-up code did not run"
        assert not [name for name in sys.modules if name.startswith(("qtpy", "PySide", "shiboken"))]
        """,
        arguments=[str(tmp_path), str(ROOT / "houdini" / "python3.11libs" / "pythonrc.py")],
        HDAEMON_AUTOSTART="1",
        HDAEMON_PORT="0",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_package_file_of_a_checkout_is_as_install_writes_it() -> None:
    written = package_text(
        "$HOUDINI_PACKAGE_PATH/..", ["$HDAEMON_SHARE", "$HDAEMON_SHARE/panel", "$HDAEMON_SHARE/build/houdini"]
    )
    template = (ROOT / "houdini" / "hdaemon.json").read_text(encoding="utf-8")
    assert json.loads(template) == json.loads(written)


def _interface() -> ET.Element:
    (interface,) = ET.parse(ROOT / "panel" / "server_panel.pypanel").getroot().findall("interface")
    return interface


def test_every_file_names_the_same_interface_and_icon() -> None:
    interface = _interface()
    assert interface.get("name") == pane.INTERFACE == "hdaemon"
    menu = ET.parse(ROOT / "houdini" / "PaneTabTypeMenu.xml").getroot()
    assert menu.tag == "menuDocument"
    (item,) = menu.findall("menu/subMenu/actionItem")
    assert item.get("id") == f"pythonpanel::{interface.get('name')}"
    shelf = ET.parse(ROOT / "houdini" / "toolbar" / "hdaemon.shelf").getroot()
    tools = shelf.findall("tool")
    assert [tool.get("name") for tool in tools] == [one.get("name") for one in shelf.findall("toolshelf/memberTool")]
    for icon in (*(tool.get("icon") for tool in tools), interface.get("icon")):
        assert (ROOT / "icons" / f"{icon}.svg").is_file()


def _run_tool(name: str) -> None:
    shelf = ET.parse(ROOT / "houdini" / "toolbar" / "hdaemon.shelf").getroot()
    script = shelf.find(f"tool[@name='{name}']/script")
    assert script is not None
    assert script.get("scriptType") == "python"
    exec(script.text or "", {})


def test_a_shelf_tool_opens_the_panel(hou: ModuleType) -> None:
    hou._interfaces["hdaemon"] = hou.PythonPanelInterface("hdaemon")
    _run_tool("hdaemon_panel")
    assert len(hou._windows) == 1


def test_a_shelf_tool_makes_a_receiver(scene: ModuleType) -> None:
    scene._answers = [(0, "maya/body")]
    _run_tool("hdaemon_receive")
    assert scene.node("/obj/maya_body/maya_body").evalParm("channel") == "maya/body"


def _on_create_interface() -> QtWidgets.QWidget:
    scope: dict = {"kwargs": {}}
    exec(_interface().findtext("script"), scope)
    return scope["onCreateInterface"]()


def test_the_python_panel_shows_what_hdaemon_panel_makes(qtbot, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("hdaemon_panel")
    made = QtWidgets.QWidget()
    qtbot.addWidget(made)
    module.create_panel = lambda: made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hdaemon_panel", module)
    assert _on_create_interface() is made


def test_a_panel_that_cannot_be_made_says_why(qtbot, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "hdaemon_panel", None)
    label = _on_create_interface()
    qtbot.addWidget(label)
    assert isinstance(label, QtWidgets.QLabel)
    assert "hdaemon_panel" in label.text()
    assert "hdaemon doctor" in label.text()
    assert "Traceback" in capsys.readouterr().err


def test_the_panel_icon_is_drawn(qapp) -> None:
    image = QtGui.QIcon(str(paths.share_dir() / "icons" / "hdaemon.svg")).pixmap(24, 24).toImage()
    colours = {image.pixelColor(x, y).name() for x in range(24) for y in range(24) if image.pixelColor(x, y).alpha()}
    assert len(colours) > 2  # a ring and an arrow, on nothing
