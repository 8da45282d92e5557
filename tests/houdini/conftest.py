"""A Houdini for tests: see fake_hou.py."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hdaemon.houdini import recook
from hdaemon.server import registry
from hdaemon.store import Store

FAKE = Path(__file__).with_name("fake_hou.py")
REST = [FAKE.with_name(f"fake_hou_{name}.py") for name in ("geometry", "parms", "nodes")]


@pytest.fixture
def hou(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A Houdini of the test's own, with an interface; what `import hou` gives."""
    spec = importlib.util.spec_from_file_location("hou", FAKE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "hou", module)
    for path in REST:
        exec(compile(path.read_text(encoding="utf-8"), path, "exec"), vars(module))
    return module


@pytest.fixture
def scene(hou: ModuleType, process_store: Store) -> Iterator[ModuleType]:
    """The same Houdini, for tests of receivers: what they leave running is ended afterwards."""
    yield hou
    recook.stop()
    assert not hou._idle


@pytest.fixture
def python_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let "python_server" be started, by default on any free port, and stop and forget it afterwards."""
    for name in ("HDAEMON_AUTOSTART", "HDAEMON_HOST", "HDAEMON_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HDAEMON_PORT", "0")
    yield
    server = registry._servers.pop("python_server", None)
    registry._logs.pop("python_server", None)
    assert server is None or server.stop()
