"""A disk that is full, which /dev/full is: what was being written is told and gone, what was there before stays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hdaemon_panel import export
from helpers import events
from panel.conftest import child, make_panel, panel, running  # noqa: F401 - fixtures

from hdaemon import paths
from hdaemon.commands import record
from hdaemon.server.thread import HPythonServer

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


def fill(path: Path) -> None:
    """Have what is written into `path` meet a full disk."""
    path.symlink_to(FULL)


def test_the_log_of_the_panel(qtbot, panel, running, tmp_path: Path) -> None:  # noqa: F811
    path = tmp_path / "log.txt"
    path.write_text("what was there before")
    fill(tmp_path / "log.txt.part")
    with qtbot.waitSignal(panel.log.said) as said:
        panel.log.save_to(path)
    assert said.args[0].startswith("Not saved: ")
    assert "No space left on device" in said.args[0]
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "what was there before"
    with qtbot.waitSignal(panel.log.said) as said:  # and once there is room again, it works
        panel.log.save_to(path)
    assert said.args[0].startswith("Saved ")
    assert "listening" in path.read_text()


@pytest.mark.parametrize("size", [10, 5_000_000])
def test_a_payload(tmp_path: Path, size: int) -> None:
    fill(tmp_path / "body.bin.part")
    with pytest.raises(OSError, match="No space left"):
        for _ in export.saving(bytes(size), tmp_path / "body.bin"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_an_installation_can_be_repeated(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    files = {record.PACKAGE_FILE: b"{}", "hdaemon/python/a.py": b"x = 1\n"}
    folder = packages / "hdaemon" / "python"
    folder.mkdir(parents=True)
    fill(folder / f".a.py.{os.getpid()}.part")
    with pytest.raises(OSError, match="No space left"):
        record.write(packages, files)
    assert not (packages / record.PACKAGE_FILE).exists()  # Houdini does not look for what is not there
    assert [path.name for path in packages.rglob("*") if path.is_file()] == ["installed"]
    assert record.write(packages, files) == set(files)
    record.remove(packages)
    assert not (packages / record.PACKAGE_FILE).exists()


def test_a_session_s_file(
    start_server: Callable[..., HPythonServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server works without; nothing is left that a client would read."""
    monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "state"))

    def full(prefix: str, suffix: str, dir: Path) -> tuple[int, str]:  # noqa: A002
        path = Path(dir) / f"{prefix}0{suffix}"
        fill(path)
        return os.open(path, os.O_WRONLY), str(path)

    monkeypatch.setattr(tempfile, "mkstemp", full)
    server = start_server()
    assert server.state == "listening"
    (text,) = events(server.log, "error")
    assert "No space left on device" in text
    assert list(paths.sessions_dir().iterdir()) == []
