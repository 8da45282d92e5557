"""Where the files for Houdini lie: in a checkout, in an installed wheel, and when they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ROOT

from hdaemon import paths
from hdaemon.errors import HdaemonError


def _package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = folder / "hdaemon"
    package.mkdir()
    monkeypatch.setattr(paths, "_PACKAGE", package)
    return package


def test_what_runs_this_has_everything() -> None:
    assert Path(paths.pythonrc()).is_file()
    assert all((paths.share_dir() / name).is_dir() for name in ("panel", "icons", "scripts", "houdini"))


@pytest.mark.usefixtures("in_checkout")
def test_a_checkout_has_them_beside_the_package() -> None:
    assert paths.share_dir() == ROOT
    assert paths.is_checkout()


def test_an_installed_wheel_has_them_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = _package(tmp_path, monkeypatch)
    (package / "share" / "houdini").mkdir(parents=True)
    (tmp_path / "houdini").mkdir()  # not ours: another program's, in site-packages
    assert paths.share_dir() == package / "share"
    assert not paths.is_checkout()
    assert paths.pythonrc() == str(package / "share" / "scripts" / "pythonrc.py")


def test_missing_files_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _package(tmp_path, monkeypatch)
    with pytest.raises(HdaemonError, match="install hdaemon again"):
        paths.share_dir()
