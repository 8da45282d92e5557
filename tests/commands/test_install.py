"""`hdaemon install` and `uninstall`: what a user sees, and that Houdini's Python finds everything afterwards."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT
from houdini_env import environment_of

from hdaemon.commands import install, prefs
from hdaemon.commands.package import missing, package_text
from hdaemon.errors import HdaemonError

Run = Callable[..., int]


@pytest.fixture
def houdinis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an old Houdini, two that can run hdaemon, and things that are none of our business."""
    for name in ("houdini19.5", "houdini20.5", "houdini21.0/packages", "notes"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "houdini21.0/packages/other.json").write_text("{}")
    monkeypatch.setattr(prefs, "find", lambda: _FIND({}, tmp_path, "linux"))
    return tmp_path


_FIND = prefs.find


def run_install(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    install.add_install_arguments(parser)
    return install.run_install(parser.parse_args(list(map(str, arguments))))


def run_uninstall(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    install.add_uninstall_arguments(parser)
    return install.run_uninstall(parser.parse_args(list(map(str, arguments))))


def tree(folder: Path) -> dict[str, bytes | None]:
    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


def test_each_houdini_that_can_run_it_gets_it(houdinis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_install() == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name in ("houdini20.5", "houdini21.0"):
        packages = houdinis / name / "packages"
        assert missing(packages / "hdaemon.json") == []
        assert (packages / "hdaemon/python/qtpy/__init__.py").is_file()
        assert f"wrote     {packages / 'hdaemon.json'}\n" in out
        assert f"wrote     {packages / 'hdaemon/python/qtpy'}  (" in out
    assert f"skipped   {houdinis / 'houdini19.5'}: hdaemon needs Houdini 20.0 or later\n" in out
    assert tree(houdinis / "houdini19.5") == {}
    assert len(out.splitlines()) < 40  # a line a folder, not a line for each of its files


@pytest.mark.usefixtures("in_checkout")
def test_the_package_file_points_at_the_checkout(houdinis: Path) -> None:
    run_install()
    content = json.loads((houdinis / "houdini20.5/packages/hdaemon.json").read_text())
    assert content["enable"] == "houdini_version >= '20.0'"
    env = environment_of(houdinis / "houdini20.5/packages/hdaemon.json")
    assert env["HDAEMON_SHARE"] == ROOT.as_posix()
    assert env["HOUDINI_PATH"] == f"{ROOT.as_posix()}/houdini"
    python = [Path(folder) for folder in env["PYTHONPATH"].split(os.pathsep)]
    assert python == [ROOT, ROOT / "panel", houdinis / "houdini20.5/packages/hdaemon/python"]
    for name, folder in (("HOUDINI_PYTHON_PANEL_PATH", "panel"), ("HOUDINI_UI_ICON_PATH", "icons")):
        assert env[name] == f"{ROOT.as_posix()}/{folder};&"  # & keeps Houdini's own


def test_uninstall_leaves_every_folder_as_it_was(houdinis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(houdinis)
    run_install()
    capsys.readouterr()
    assert run_uninstall() == 0
    assert tree(houdinis) == before
    out = capsys.readouterr().out
    assert f"removed   {houdinis / 'houdini20.5/packages/hdaemon.json'}\n" in out
    assert f"nothing   {houdinis / 'houdini19.5'}: hdaemon is not installed there\n" in out
    assert run_uninstall() == 0


def test_installing_again_says_that_nothing_changed(houdinis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_install()
    before = tree(houdinis)
    capsys.readouterr()
    assert run_install() == 0
    out = capsys.readouterr().out
    assert "wrote" not in out
    assert f"unchanged {houdinis / 'houdini20.5/packages/hdaemon.json'}\n" in out
    assert tree(houdinis) == before


def test_a_dry_run_says_what_it_would_do(houdinis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree(houdinis)
    assert run_install("--dry-run") == 0
    assert tree(houdinis) == before
    assert f"would write {houdinis / 'houdini20.5/packages/hdaemon.json'}\n" in capsys.readouterr().out
    run_install()
    before = tree(houdinis)
    assert run_uninstall("--dry-run") == 0
    assert tree(houdinis) == before
    assert f"would remove {houdinis / 'houdini20.5/packages/hdaemon.json'}\n" in capsys.readouterr().out


def test_a_foreign_package_file_is_left_alone(houdinis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = houdinis / "houdini21.0/packages/hdaemon.json"
    theirs.write_text("theirs")
    assert run_install() == 1
    assert "hdaemon.json is there already" in capsys.readouterr().err
    assert theirs.read_text() == "theirs"
    assert not (theirs.parent / "hdaemon").exists()
    assert (houdinis / "houdini20.5/packages/hdaemon.json").exists()  # one that fails does not stop the others
    assert run_uninstall() == 0
    assert f"{theirs} was not written by `hdaemon install` and is left" in capsys.readouterr().out
    assert theirs.read_text() == "theirs"


def test_force_replaces_it_and_uninstall_brings_it_back(houdinis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = houdinis / "houdini21.0/packages/hdaemon.json"
    theirs.write_text("theirs")
    before = tree(houdinis)
    assert run_install("--force") == 0
    assert missing(theirs) == []
    assert run_uninstall() == 0
    assert tree(houdinis) == before
    assert f"brought back  {theirs}\n" in capsys.readouterr().out


def test_named_folders_only(houdinis: Path) -> None:
    (houdinis / "studio").mkdir()
    assert run_install("--prefs", houdinis / "houdini20.5", "--prefs", houdinis / "studio") == 0
    assert (houdinis / "houdini20.5/packages/hdaemon.json").exists()
    assert (houdinis / "studio/packages/hdaemon.json").exists()
    assert not (houdinis / "houdini21.0/packages/hdaemon").exists()


def test_a_named_folder_that_is_not_there(houdinis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for run in (run_install, run_uninstall):
        assert run("--prefs", houdinis / "houdini22.0") == 1
        assert "houdini22.0 is not a folder" in capsys.readouterr().err
    assert not (houdinis / "houdini22.0").exists()


def test_no_houdini_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prefs, "find", lambda: ())
    for run in (run_install, run_uninstall):
        assert run() == 1
        assert "--prefs" in capsys.readouterr().err
    (tmp_path / "houdini19.5").mkdir()
    assert run_install("--prefs", tmp_path / "houdini19.5") == 1


def test_a_folder_that_cannot_be_written_to(houdinis: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (houdinis / "houdini20.5/packages").write_text("a file")
    assert run_install() == 1
    assert str(houdinis / "houdini20.5") in capsys.readouterr().err
    assert (houdinis / "houdini21.0/packages/hdaemon.json").exists()


def test_what_cannot_be_copied_stops_before_anything_is_written(
    houdinis: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise HdaemonError("qtpy is not installed here")

    monkeypatch.setattr(install.vendoring, "to_copy", fail)
    before = tree(houdinis)
    assert run_install() == 1
    assert capsys.readouterr().err == "hdaemon: qtpy is not installed here\n"
    assert tree(houdinis) == before


def test_missing_names_what_a_package_file_points_at_in_vain(tmp_path: Path) -> None:
    package_file = tmp_path / "hdaemon.json"
    package_file.write_text(package_text("$HOUDINI_PACKAGE_PATH/gone", ["$HOUDINI_PACKAGE_PATH/python"]))
    absent = missing(package_file)
    assert f"{tmp_path}/gone/scripts/pythonrc.py" in absent
    assert f"{tmp_path}/gone/houdini" in absent
    assert f"the Python package qtpy in {tmp_path}/python" in absent
    for text in ("{}", "[]", '{"env": [1]}', '{"env": []}', "not json", '{"env": [{"HDAEMON_SHARE": 1}]}'):
        package_file.write_text(text)
        with pytest.raises(ValueError, match="."):
            missing(package_file)


def start_houdini(package_file: Path, tmp_path: Path, check: str = "") -> subprocess.CompletedProcess[str]:
    """Run uiready.py in a process whose Python path is what the package file says, with a fake hou."""
    env = environment_of(package_file)
    fake = tmp_path / "fake"
    fake.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests/houdini/fake_hou.py", fake / "hou.py")
    shim = Path(env["HOUDINI_PATH"]) / f"python{sys.version_info[0]}.{sys.version_info[1]}libs" / "uiready.py"
    code = f"""
import sys
import hou
exec(open({str(shim)!r}, encoding="utf-8").read(), {{"__name__": "__main__"}})
import hdaemon, hdaemon.paths, hdaemon_panel, qtpy
assert hou.session.dataobject is hdaemon.store
assert hdaemon.find().state == "listening", hdaemon.find().state
{check}
"""
    python_path = os.pathsep.join([env.pop("PYTHONPATH"), str(fake)])
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={
            **os.environ,
            **env,
            "PYTHONPATH": python_path,
            "QT_QPA_PLATFORM": "offscreen",
            "HDAEMON_PORT": "0",
            "HDAEMON_AUTOSTART": "1",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


STARTED = "started python server in thread: python_server\n"
no_shim = pytest.mark.skipif(
    not (ROOT / f"houdini/python{sys.version_info[0]}.{sys.version_info[1]}libs").is_dir(),
    reason="no Houdini has this Python",
)


@no_shim
def test_houdini_starts_the_server_from_a_checkout(houdinis: Path, tmp_path: Path) -> None:
    before = tree(houdinis)
    run_install("--prefs", houdinis / "houdini20.5")
    package_file = houdinis / "houdini20.5/packages/hdaemon.json"
    vendored = str(package_file.parent / "hdaemon/python")
    done = start_houdini(package_file, tmp_path, f"assert qtpy.__file__.startswith({vendored!r}), qtpy.__file__")
    assert (done.returncode, done.stdout, done.stderr) == (0, STARTED, "")
    shutil.rmtree(tmp_path / "fake")
    shutil.rmtree(tmp_path / "config", ignore_errors=True)
    assert run_uninstall("--prefs", houdinis / "houdini20.5") == 0
    assert tree(houdinis) == before  # also what Python has compiled there is gone


@no_shim
@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("hatchling"), reason="hatchling, which builds the wheel, is missing")
def test_houdini_starts_the_server_from_a_wheel(tmp_path: Path) -> None:
    """Build a wheel, unpack it, install from it with nothing of the checkout in reach, and start."""
    built, site, folder = (tmp_path / name for name in ("built", "site", "houdini20.5"))
    for made in (built, folder):
        made.mkdir()
    code = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(built)], cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    installer = """
import argparse, sys
import hdaemon
assert hdaemon.__file__.startswith(sys.argv[1]), hdaemon.__file__
from hdaemon.commands import install
for add, run in (
    (install.add_install_arguments, install.run_install),
    (install.add_uninstall_arguments, install.run_uninstall),
):
    if run.__name__ == sys.argv[2]:
        parser = argparse.ArgumentParser()
        add(parser)
        sys.exit(run(parser.parse_args(["--prefs", sys.argv[3]])))
"""

    def run(what: str) -> None:
        subprocess.run(
            [sys.executable, "-c", installer, str(site), what, str(folder)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site)},
            check=True,
            capture_output=True,
            timeout=60,
        )

    run("run_install")
    package_file = folder / "packages/hdaemon.json"
    assert missing(package_file) == []
    python = folder / "packages/hdaemon/python"
    assert list(python.glob("hdaemon-*.dist-info/licenses/LICENSE"))
    shutil.move(site, tmp_path / "elsewhere")  # nothing may point back at where it was installed from
    done = start_houdini(
        package_file,
        tmp_path,
        f"""
for module in (hdaemon, hdaemon_panel, qtpy):
    assert module.__file__.startswith({str(python)!r}), module.__file__
assert str(hdaemon.paths.share_dir()) == {str(python / "hdaemon" / "share")!r}
""",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, STARTED, "")
    share = python / "hdaemon/share"
    for name in ("panel/server_panel.pypanel", "icons/hdaemon.svg", "houdini/PaneTabTypeMenu.xml"):
        assert (share / name).read_bytes() == (ROOT / name).read_bytes()
    shutil.move(tmp_path / "elsewhere", site)
    run("run_uninstall")
    assert tree(folder) == {}
