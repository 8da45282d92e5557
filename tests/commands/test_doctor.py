"""`hdaemon doctor`: each thing that can be wrong is found, named, and told how to mend."""

from __future__ import annotations

import argparse
import importlib
import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import hdaemon
from hdaemon.commands import doctor, install
from hdaemon.houdini import session

Doctor = Callable[[], tuple[int, list[str]]]


def _arguments(add: Callable[[argparse.ArgumentParser], None], *arguments: object) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add(parser)
    return parser.parse_args(list(map(str, arguments)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A preference folder with hdaemon installed."""
    folder = tmp_path / "houdini20.5"
    folder.mkdir()
    assert install.run_install(_arguments(install.add_install_arguments, "--prefs", folder)) == 0
    return folder


@pytest.fixture
def examine(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Run the doctor where all is well: what the test changes is what it finds."""
    for name in ("HDAEMON_AUTOSTART", "HDAEMON_HOST", "QT_API", "HOUDINI_USER_PREF_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HDAEMON_PORT", "0")

    def run() -> tuple[int, list[str]]:
        capsys.readouterr()
        status = doctor.run(_arguments(doctor.add_arguments, "--prefs", folder))
        lines = capsys.readouterr().out.splitlines()
        assert all(line[:5] in ("ok   ", "warn ", "FAIL ") for line in lines)
        return status, lines

    return run


def _only(lines: list[str], level: str) -> str:
    (line,) = [line for line in lines if line.startswith(level)]
    return line


def test_where_all_is_well(examine: Doctor, folder: Path) -> None:
    status, lines = examine()
    assert status == 0
    assert [line for line in lines if not line.startswith("ok ")] == []
    text = "\n".join(lines)
    assert f"hdaemon {hdaemon.__version__} in Python {sys.version.split()[0]}" in text
    assert "PySide" in text
    assert "QtPy" in text
    assert f"{folder}: installed" in text


@pytest.mark.parametrize("name", ["qtpy", "qtpy.QtCore"])
def test_without_qt(examine: Doctor, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    status, lines = examine()
    assert status == 1
    assert "Qt cannot be imported" in _only(lines, "FAIL")
    assert "pip install" in _only(lines, "FAIL")


def _qt(monkeypatch: pytest.MonkeyPatch, binding: str, version: str) -> None:
    fake = SimpleNamespace(API_NAME=binding, PYSIDE_VERSION=version, PYQT_VERSION=None, __version__="2.4")
    modules = {"qtpy": fake, "qtpy.QtCore": SimpleNamespace(__version__="6")}
    real = importlib.import_module
    monkeypatch.setattr(doctor.importlib, "import_module", lambda name: modules.get(name) or real(name))


def test_the_binding_that_ends_the_process(examine: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    _qt(monkeypatch, "PySide6", "6.12.0")
    status, lines = examine()
    assert status == 1
    assert "PySide6!=6.12.0" in _only(lines, "FAIL")


def test_a_binding_that_is_not_tested(examine: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    _qt(monkeypatch, "PyQt6", "6.5")
    status, lines = examine()
    assert status == 0
    assert "PyQt6" in _only(lines, "warn")


def test_msgpack(examine: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [line for line in examine()[1] if line.startswith("ok   msgpack ")]
    monkeypatch.setattr(doctor, "_version", {"msgpack": None}.get)
    (line,) = [line for line in examine()[1] if line.startswith("warn application/msgpack stays bytes")]
    assert "pip install msgpack" in line


@pytest.mark.parametrize(
    ("numpy", "pyside", "level"),
    [("2.1.0", "6.5.3", "warn"), ("1.26.4", "6.5.3", "ok"), ("2.3", "6.8.3", "ok"), (None, "6.5.3", "ok")],
)
def test_numpy(examine: Doctor, monkeypatch: pytest.MonkeyPatch, numpy: str | None, pyside: str, level: str) -> None:
    monkeypatch.setattr(doctor, "_version", lambda name: {"numpy": numpy, "PySide6": pyside}.get(name))
    status, lines = examine()
    assert status == 0
    assert [line.split()[0] for line in lines if line[5:].startswith("numpy")] == [level]


@pytest.mark.parametrize(
    ("name", "value", "level", "said"),
    [
        ("HDAEMON_PORT", "x", "FAIL", "HDAEMON_PORT is 'x': set it to"),
        ("HDAEMON_AUTOSTART", "x", "FAIL", "HDAEMON_AUTOSTART is 'x': set it to"),
        ("HDAEMON_PROT", "1", "warn", "HDAEMON_PROT is not known"),
        ("QT_API", "pyqt5", "warn", "QT_API is 'pyqt5'"),
        ("HOUDINI_USER_PREF_DIR", "/prefs", "warn", "does not contain __HVER__"),
    ],
)
def test_variables(
    examine: Doctor, monkeypatch: pytest.MonkeyPatch, name: str, value: str, level: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    status, lines = examine()
    assert status == (1 if level == "FAIL" else 0)
    assert said in _only(lines, level)


@pytest.mark.skipif(sys.platform != "linux", reason="only there a display is told by the environment")
def test_no_display(examine: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert "no display" in _only(examine()[1], "warn")


def test_the_port_is_free_or_who_answers(examine: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("HDAEMON_PORT", str(port))
        status, lines = examine()
        assert status == 0
        assert f"port {port} is not free (a program answers there" in _only(lines, "warn")
    assert f"ok   port {port} is free" in examine()[1]


def test_the_port_is_this_process_s_own(examine: Doctor, monkeypatch: pytest.MonkeyPatch, server_name: str) -> None:
    server = hdaemon.start(server_name, port=0)
    monkeypatch.setenv("HDAEMON_PORT", str(server.port))
    assert f"the server {server_name} of this process" in _only(examine()[1], "warn")


def test_a_folder_without_hdaemon(examine: Doctor, folder: Path) -> None:
    install.run_uninstall(_arguments(install.add_uninstall_arguments, "--prefs", folder))
    status, lines = examine()
    assert status == 0
    assert f"not installed: run `hdaemon install --prefs {folder}`" in _only(lines, "warn")
    (folder / "packages").mkdir()
    (folder / "packages/hdaemon.json").write_text("{}")
    assert "was not written by `hdaemon install`" in _only(examine()[1], "warn")


def test_a_folder_that_is_not_there(examine: Doctor, folder: Path) -> None:
    folder.rename(folder.with_name("moved"))
    status, lines = examine()
    assert status == 1
    assert f"{folder} is not a folder" in _only(lines, "FAIL")


def test_a_package_file_that_points_at_nothing(examine: Doctor, folder: Path) -> None:
    package_file = folder / "packages/hdaemon.json"
    content = json.loads(package_file.read_text())
    content["env"][0]["HDAEMON_SHARE"] = str(folder / "moved")
    package_file.write_text(json.dumps(content))
    status, lines = examine()
    assert status == 1
    assert str(folder / "moved") in _only(lines, "FAIL")


@pytest.mark.parametrize("lost", ["hdaemon.json", "hdaemon/python/qtpy/__init__.py", "hdaemon/python/qtpy/QtGui.py"])
def test_an_installation_that_lost_a_file(examine: Doctor, folder: Path, lost: str) -> None:
    (folder / "packages" / lost).unlink()
    status, lines = examine()
    assert status == 1
    assert f"run `hdaemon install --prefs {folder}`" in _only(lines, "FAIL")


@pytest.mark.parametrize("damaged", ["hdaemon.json", "hdaemon/installed"])
def test_an_installation_that_is_damaged(examine: Doctor, folder: Path, damaged: str) -> None:
    (folder / "packages" / damaged).write_text("{")
    status, lines = examine()
    assert status == 1
    assert "cannot be used" in _only(lines, "FAIL")


def test_old_houdinis_are_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = folder.with_name("houdini19.5")
    doctor.run(_arguments(doctor.add_arguments, "--prefs", old))
    assert f"ok   {old}: left alone" in capsys.readouterr().out


def test_no_houdini(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor.prefs, "find", lambda: ())
    doctor.run(_arguments(doctor.add_arguments))
    assert "warn no Houdini preference folder was found" in capsys.readouterr().out


def test_in_houdini_the_data_must_be_attached(examine: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    hou = ModuleType("hou")
    hou.session = ModuleType("hou.session")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hou", hou)
    status, lines = examine()
    assert status == 1
    assert "hdaemon.start()" in _only(lines, "FAIL")
    session._place()
    status, lines = examine()
    assert status == 0
    assert "ok   hou.session.dataobject holds the data" in lines
