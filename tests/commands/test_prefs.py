"""Preference folders: where each system keeps them, and HOUDINI_USER_PREF_DIR."""

from __future__ import annotations

from pathlib import Path

import pytest

from hdaemon.commands.prefs import find, given


def _make(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True)


def _paths(tmp_path: Path, platform: str, **environ: str) -> list[Path]:
    return [prefs.path for prefs in find(environ, tmp_path, platform)]


def test_linux(tmp_path: Path) -> None:
    _make(*(tmp_path / name for name in ("houdini21.0", "houdini20.5", "houdini9.5", "houdini", "houdini21.0.bak")))
    (tmp_path / "houdini22.0").write_text("a file")
    found = find({}, tmp_path, "linux")
    assert [prefs.path.name for prefs in found] == ["houdini9.5", "houdini20.5", "houdini21.0"]
    assert [prefs.version for prefs in found] == [(9, 5), (20, 5), (21, 0)]
    assert [prefs.too_old for prefs in found] == [True, False, False]
    assert found[1].packages == tmp_path / "houdini20.5" / "packages"


def test_macos(tmp_path: Path) -> None:
    folder = tmp_path / "Library" / "Preferences" / "houdini"
    _make(folder / "20.0", folder / "21.0", folder / "crash")
    assert _paths(tmp_path, "darwin") == [folder / "20.0", folder / "21.0"]


def test_windows_with_documents_in_onedrive(tmp_path: Path) -> None:
    own, business, home = (tmp_path / name for name in ("OneDrive", "OneDrive - Studio", "H"))
    wanted = [
        tmp_path / "Documents" / "houdini20.0",
        own / "Documents" / "houdini20.5",
        business / "Documents" / "houdini21.0",
        home / "houdini22.0",
    ]
    _make(*wanted)
    assert _paths(tmp_path, "win32", OneDrive=str(own), HOME=str(home)) == wanted


def test_nothing_there(tmp_path: Path) -> None:
    for platform in ("linux", "darwin", "win32"):
        assert _paths(tmp_path / "none", platform) == []


@pytest.mark.parametrize("pattern", ["prefs/houdini__HVER__", "prefs/__HVER__", "prefs/h__HVER__-mine", "p/__HVER__/h"])
def test_houdini_user_pref_dir(tmp_path: Path, pattern: str) -> None:
    _make(tmp_path / pattern.replace("__HVER__", "20.5"), tmp_path / pattern.replace("__HVER__", "x"))
    value = str(tmp_path / pattern)
    found = find({"HOUDINI_USER_PREF_DIR": value}, tmp_path / "home", "linux")
    assert [(str(prefs.path), prefs.version) for prefs in found] == [(value.replace("__HVER__", "20.5"), (20, 5))]


def test_houdini_user_pref_dir_may_be_relative_to_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make(tmp_path / "prefs" / "20.5")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert _paths(tmp_path, "linux", HOUDINI_USER_PREF_DIR="~/prefs/__HVER__") == [tmp_path / "prefs" / "20.5"]


def test_without_hver_houdini_ignores_it_and_so_do_we(tmp_path: Path) -> None:
    _make(tmp_path / "prefs")
    assert _paths(tmp_path, "linux", HOUDINI_USER_PREF_DIR=str(tmp_path / "prefs")) == []


def test_a_folder_found_twice_is_one(tmp_path: Path) -> None:
    _make(tmp_path / "houdini20.5")
    assert len(_paths(tmp_path, "linux", HOUDINI_USER_PREF_DIR=str(tmp_path / "houdini__HVER__"))) == 1


def test_a_given_folder_tells_its_version_by_its_name(tmp_path: Path) -> None:
    assert given(tmp_path / "houdini19.5").too_old
    assert given(tmp_path / "20.0").version == (20, 0)
    assert given(tmp_path / "studio").version is None
    assert not given(tmp_path / "studio").too_old
