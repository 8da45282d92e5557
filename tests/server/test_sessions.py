"""Session files: written while a server runs, readable by its user alone, known to be stale when it has gone."""

from __future__ import annotations

import ctypes
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from ctypes import wintypes
from pathlib import Path

import pytest
from helpers import events, run_python
from serving import Serving

import hdaemon
from hdaemon import client, paths
from hdaemon.log import RingLog
from hdaemon.server import sessions
from hdaemon.server.sessions import Session
from hdaemon.server.thread import HPythonServer

Start = Callable[..., HPythonServer]
TOKEN = "0123456789abcdef-token"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are POSIX's")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's session files lie."""
    monkeypatch.setenv("HDAEMON_STATE", str(tmp_path / "state"))
    return paths.sessions_dir()


def left_behind(folder: Path, **said: object) -> Path:
    """Write the file of a server that is not there."""
    paths.make_private(folder)
    path = folder / f"{said.get('pid', 1)}-{said.get('port', 2000)}.json"
    base = {"name": "a", "host": "127.0.0.1", "port": 2000, "pid": 1, "token": None, "version": "0", "started": 1.0}
    paths.write_private(path, json.dumps({**base, **said}).encode())
    return path


def a_pid_that_is_gone() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(30)
    return process.pid


def test_a_running_server_is_found_and_a_stopped_one_is_not(folder: Path, start_server: Start) -> None:
    server = start_server("mine", token=TOKEN)
    (found,) = sessions.find()
    assert (found.name, found.host, found.port, found.token) == ("mine", "127.0.0.1", server.port, TOKEN)
    assert (found.pid, found.version) == (os.getpid(), hdaemon.__version__)
    assert found.address == ("127.0.0.1", server.port)
    assert TOKEN not in repr(found)
    server.stop()
    assert sessions.find() == []
    assert list(folder.iterdir()) == []


@POSIX
def test_only_the_user_can_read_it(folder: Path, start_server: Start) -> None:
    before = os.umask(0)
    try:
        start_server(token=TOKEN)
    finally:
        os.umask(before)
    (path,) = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@POSIX
def test_a_folder_that_others_can_read_is_closed_to_them(folder: Path, start_server: Start) -> None:
    folder.mkdir(parents=True, mode=0o755)
    folder.chmod(0o777)
    start_server(token=TOKEN)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@POSIX
def test_a_folder_that_is_a_link_is_not_used(folder: Path, tmp_path: Path, start_server: Start, log: RingLog) -> None:
    (tmp_path / "elsewhere").mkdir()
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    server = start_server(token=TOKEN)
    assert server.state == "listening"  # it works without
    (told,) = events(log, "error")
    assert "other programs do not find this session by its name" in told
    assert list((tmp_path / "elsewhere").iterdir()) == []


@POSIX
@pytest.mark.parametrize("mode", [0o644, 0o660, 0o604])
def test_a_file_that_others_can_read_is_none_of_ours(folder: Path, mode: int) -> None:
    path = left_behind(folder, pid=os.getpid(), token=TOKEN)
    assert len(sessions.find()) == 1
    path.chmod(mode)
    assert sessions.find() == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"name": 1}', '{"port": "x"}', "\xff", "[" * 10_000, "9" * 9999]
)
def test_files_that_are_none(folder: Path, text: str) -> None:
    path = left_behind(folder)
    path.write_bytes(text.encode("latin-1"))
    assert sessions.find() == []
    assert client._session(str(path)) == {}


@pytest.mark.parametrize("pid", [0, -1])
def test_a_pid_that_stands_for_many_is_none(folder: Path, pid: int) -> None:
    left_behind(folder, pid=pid)
    assert sessions.find() == []


@POSIX
def test_what_a_crash_left_is_not_found_and_can_be_forgotten(folder: Path) -> None:
    path = left_behind(folder, pid=a_pid_that_is_gone(), token=TOKEN)
    assert sessions.find() == []
    assert path.exists()
    assert sessions.forget() == 1
    assert not path.exists()
    assert sessions.forget() == 0


@POSIX
def test_a_killed_server_leaves_a_stale_file(folder: Path) -> None:
    with Serving() as serving:
        (found,) = sessions.find()
        assert (found.name, found.port, found.pid) == ("serve", serving.port, serving.process.pid)
    assert sessions.find() == []
    assert sessions.forget() == 1


@pytest.mark.parametrize("pid", [0, -1, 1 << 31, 1 << 70, "x", None])
def test_a_file_with_no_number_of_a_process(folder: Path, pid: object) -> None:
    left_behind(folder, pid=pid)
    assert sessions.find() == []


# -- Windows, where another function says whether a process is there -------------------------------------


class _Function:
    """A function of a library, as ctypes has them: what it takes and gives is set on it."""

    argtypes: tuple[object, ...] = ()
    restype: object = None

    def __init__(self, call: Callable[..., int | None]) -> None:
        self._call = call

    def __call__(self, *arguments: int) -> int | None:
        assert len(arguments) == len(self.argtypes)
        return self._call(*arguments)


class FakeKernel32:
    """Processes of which 4000 runs, 4004 has ended and somebody holds a handle, and 4 is the system's."""

    _HANDLE = 0x1_0000_0004  # more than 32 bits
    _ENDED = 0x1_0000_0008

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.OpenProcess = _Function(self._open)
        self.WaitForSingleObject = _Function(self._wait)
        self.CloseHandle = _Function(self._close)

    def _open(self, access: int, inherit: int, pid: int) -> int | None:
        assert (access, inherit) == (0x00100000, False)
        assert self.OpenProcess.restype is wintypes.HANDLE
        handle = {4000: self._HANDLE, 4004: self._ENDED}.get(pid)
        if handle is not None:
            self.open.add(handle)
        return handle

    def _wait(self, handle: int, milliseconds: int) -> int:
        assert self.WaitForSingleObject.argtypes[0] is wintypes.HANDLE
        assert milliseconds == 0
        return 0x102 if handle == self._HANDLE else 0  # WAIT_TIMEOUT, WAIT_OBJECT_0

    def _close(self, handle: int) -> int:
        assert self.CloseHandle.argtypes[0] is wintypes.HANDLE
        self.open.remove(handle)
        return 1


@pytest.mark.parametrize(("pid", "there"), [(4000, True), (4004, False), (4, False), (4008, False)])
def test_whether_a_process_is_there_on_windows(pid: int, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel32 = FakeKernel32()
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("that ends the process"))
    monkeypatch.setattr(ctypes, "WinDLL", {"kernel32": kernel32}.__getitem__, raising=False)
    assert sessions.is_running(Session("a", "127.0.0.1", 2000, pid, "0", 0.0, Path("x"))) is there
    assert kernel32.open == set()


def test_it_is_gone_at_the_end_of_the_program(folder: Path) -> None:
    done = run_python("""
        import hdaemon
        from hdaemon.server import sessions
        hdaemon.start("left", port=0)
        print(len(sessions.find()))
    """)
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("host", "to"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.2", "127.0.0.2"), ("10.1.2.3", "10.1.2.3")]
)
def test_where_to_connect(host: str, to: str) -> None:
    assert Session("a", host, 7, 1, "0", 0.0, Path("x")).address == (to, 7)


# -- the client finds the token by itself -----------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_a_client_of_the_same_user_needs_not_be_given_the_token(start_server: Start) -> None:
    server = start_server(token=TOKEN, mode="evaluate")
    with client.Client(server.host, server.port) as one:
        assert one.send("hi", wait=True).stored
        with one.subscribe("default", timeout_s=10) as subscription:
            assert next(subscription).data == "hi"
    with client.Client("localhost", server.port) as one:
        assert one.send("hi", wait=True).stored


def test_a_client_that_is_given_another_token_shows_that(folder: Path, start_server: Start) -> None:
    server = start_server(token=TOKEN)
    with pytest.raises(client.Unauthorized):
        client.Client(server.host, server.port, token="another").connect()


@POSIX
def test_no_token_goes_where_the_file_does_not_point(
    folder: Path, start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program at that port must not be given it: each of these files says something that is not so."""
    server = start_server(token=TOKEN)
    for path in folder.iterdir():
        path.unlink()
    gone = left_behind(folder, pid=a_pid_that_is_gone(), port=server.port, token=TOKEN)
    open_to_all = left_behind(folder, pid=os.getpid(), port=server.port, token=TOKEN)
    open_to_all.chmod(0o644)
    left_behind(folder, pid=os.getpid(), port=server.port + 1, token=TOKEN)
    with pytest.raises(client.Unauthorized):
        client.Client(server.host, server.port).connect()
    gone.unlink()
    open_to_all.unlink()
    left_behind(folder, pid=os.getpid(), port=server.port, host="127.0.0.2", token=TOKEN)
    with pytest.raises(client.Unauthorized):
        client.Client(server.host, server.port).connect()
    monkeypatch.setenv("HDAEMON_TOKEN", TOKEN)
    with client.Client(server.host, server.port) as one:
        one.connect()
    monkeypatch.setenv("HDAEMON_TOKEN", "x\r\nA: b")  # no header is smuggled in
    with pytest.raises(client.Unauthorized):
        client.Client(server.host, server.port).connect()


@pytest.mark.parametrize(
    "environment",
    [
        {"HDAEMON_STATE": "/a", "XDG_RUNTIME_DIR": "/run/user/7"},
        {"XDG_RUNTIME_DIR": "/run/user/7"},
        {"XDG_RUNTIME_DIR": "relative"},
        {"XDG_STATE_HOME": "/b"},
        {},
    ],
)
@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_client_and_server_look_in_the_same_place(
    environment: dict[str, str], platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HDAEMON_STATE", "XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert client._sessions_folder() == str(paths.sessions_dir())
