"""Fixtures of all tests, and what every test is held to.

No server, socket, pressed mouse button or Qt message may be left behind: tests run in any order, by several workers.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before Qt is imported
_runtime_folder = tempfile.TemporaryDirectory(prefix="hdaemon-tests-")
os.environ.setdefault("XDG_RUNTIME_DIR", _runtime_folder.name)  # Qt warns where there is none (CI, containers)
os.environ["HDAEMON_STATE"] = f"{_runtime_folder.name}/state"  # the user's own sessions and token are left alone
os.environ.pop("HDAEMON_TOKEN", None)

import pytest  # noqa: E402
from helpers import ROOT, RawClient, wait_until  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402
from qtpy import QtCore, QtGui  # noqa: E402

import hdaemon  # noqa: E402
from hdaemon import paths  # noqa: E402
from hdaemon.server import registry  # noqa: E402
from hdaemon.server.thread import HPythonServer, alive  # noqa: E402

# No deadline for an example: the machines that run this are shared.
settings.register_profile("hdaemon", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hdaemon")

_numbers = count(1)


def pytest_unconfigure() -> None:
    _runtime_folder.cleanup()


@pytest.fixture(scope="session", autouse=True)
def _settings_elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep the user's settings out of reach."""
    folder = tmp_path_factory.mktemp("settings")
    _set_settings_folder(folder)
    return folder


@pytest.fixture(autouse=True)
def settings_folder(_settings_elsewhere: Path) -> Path:
    """Where QSettings are kept: another folder for every test, so that none sees what another saved."""
    folder = _settings_elsewhere / str(next(_numbers))
    _set_settings_folder(folder)
    return folder


def _set_settings_folder(folder: Path) -> None:
    for kind in (QtCore.QSettings.Format.NativeFormat, QtCore.QSettings.Format.IniFormat):
        QtCore.QSettings.setPath(kind, QtCore.QSettings.Scope.UserScope, str(folder))


@pytest.fixture(autouse=True)
def _nothing_left(settings_folder: Path) -> Iterator[None]:
    """Fail a test that leaves a server's thread, an open socket or a pressed mouse button behind."""
    before, pressed_before = _open_sockets(), _mouse_pressed()
    yield
    left = alive()
    for server in left:
        server.stop()
    assert not left, f"servers left running: {[server.name for server in left]}"
    wait_until(lambda: _open_sockets() <= before, "sockets left open")
    assert pressed_before or not _mouse_pressed(), "a mouse button was left pressed, and every later panel sees it"


def _mouse_pressed() -> bool:
    """Return what Qt believes of the mouse; a list moves nothing under a hand that selects, for as long as it lasts."""
    return bool(QtGui.QGuiApplication.mouseButtons() != QtCore.Qt.MouseButton.NoButton)


def _open_sockets() -> set[str]:
    """Return this process's sockets, where the system shows them as files."""
    folder = Path("/proc/self/fd")
    found = set()
    if sys.platform == "linux":
        for entry in folder.iterdir():
            try:
                target = os.readlink(entry)  # noqa: PTH115 - socket:[1] is no path
            except OSError:
                continue
            if target.startswith("socket:"):
                found.add(target)
    return found


@pytest.fixture
def as_another_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """Call it, and this test and the programs it starts find no session and no token by themselves any more."""
    return lambda: monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "another"))


@pytest.fixture
def in_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hdaemon find its files in the checkout, also where the tests run against an installed wheel."""
    monkeypatch.setattr(paths, "_PACKAGE", ROOT / "hdaemon")


@pytest.fixture
def server_name() -> Iterator[str]:
    """A name for `hdaemon.start` that no other test uses; what was started under it is stopped and forgotten."""
    name = f"test_server_{next(_numbers)}"
    yield name
    found = registry.find(name)
    if found is not None:
        assert found.stop()
    registry._servers.pop(name, None)
    registry._logs.pop(name, None)


@pytest.fixture
def process_store() -> Iterator[hdaemon.Store]:
    """The process's store, empty before and after."""
    hdaemon.store.clear()
    yield hdaemon.store
    hdaemon.store.clear()


@pytest.fixture
def store() -> hdaemon.Store:
    """A store of the test's own."""
    return hdaemon.Store()


@pytest.fixture
def log() -> hdaemon.RingLog:
    """A log of the test's own."""
    return hdaemon.RingLog()


@pytest.fixture
def start_server(store: hdaemon.Store, log: hdaemon.RingLog) -> Iterator[Callable[..., HPythonServer]]:
    """Start servers with the test's own store and log: `start_server(mode="evaluate")`; all are stopped at the end."""
    started: list[HPythonServer] = []

    def start(name: str = "", **options: object) -> HPythonServer:
        options = {"port": 0, "store": store, "log": log, **options}
        server = HPythonServer(name or f"test_server_{next(_numbers)}", **options)  # type: ignore[arg-type]
        started.append(server)
        server.start()
        server.wait_until_listening()
        return server

    yield start
    for server in started:
        assert server.stop(timeout_s=5.0)


@pytest.fixture
def server(start_server: Callable[..., HPythonServer]) -> HPythonServer:
    """A server that listens on 127.0.0.1, any port, in print mode, with the test's `store` and `log`."""
    return start_server()


@pytest.fixture
def connect() -> Iterator[Callable[[HPythonServer], RawClient]]:
    """Connect raw clients: `connect(server)`; all are closed at the end."""
    clients: list[RawClient] = []

    def connect_to(server: HPythonServer) -> RawClient:
        client = RawClient(server.host, server.port)
        clients.append(client)
        return client

    yield connect_to
    for client in clients:
        client.close()
