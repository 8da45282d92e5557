"""Every example, run against a real server: what a page shows must work."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from helpers import ROOT, RawClient, payloads, wait_until

from hdaemon import content
from hdaemon.log import RingLog
from hdaemon.message import Message
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

EXAMPLES = ROOT / "examples"

# The client of 2012 knows one port, 2000, which belongs to whoever runs these tests: it is led to the test's port.
ELSEWHERE = """
import runpy, socket, sys
connect = socket.socket.connect
def elsewhere(self, address):
    assert address == ("localhost", 2000), address
    connect(self, ("127.0.0.1", int(sys.argv[2])))
socket.socket.connect = elsewhere
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, **environment},
    )


def test_every_example_is_tested() -> None:
    tested = {"original_client.py", "telemetry.py", "bash_send.sh", "read_in_python_sop.py", "README.md"}
    tested |= {"studio_content_type.py", "send_with_client.py"}
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} == tested


def test_original_client_arrives_as_one_row(server: HPythonServer, log: RingLog) -> None:
    done = run(sys.executable, "-c", ELSEWHERE, EXAMPLES / "original_client.py", str(server.port))
    assert done.returncode == 0, done.stderr
    wait_until(lambda: payloads(log) == [b"Hellow Houdini, I am your father"])


def test_telemetry_sends_30_lines_a_second(server: HPythonServer, log: RingLog) -> None:
    done = run(sys.executable, EXAMPLES / "telemetry.py", "--seconds", "0.5", "--to", f"127.0.0.1:{server.port}")
    assert (done.returncode, done.stderr) == (0, "")
    wait_until(lambda: server.messages_received == 15)
    points = [json.loads(payload) for payload in payloads(log)]
    assert [point["frame"] for point in points] == list(range(15))
    assert {"x", "y", "z"} < points[0].keys()


def test_telemetry_without_a_server_says_so() -> None:
    done = run(sys.executable, EXAMPLES / "telemetry.py", "--to", "127.0.0.1:1")
    assert done.returncode == 1
    assert "is the server started?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("copied", [False, True])
def test_the_client(server: HPythonServer, store: Store, tmp_path: Path, copied: bool) -> None:
    """Also with nothing but the copied file, as in a program that has no hdaemon."""
    folder, options = EXAMPLES, []
    if copied:
        folder, options = tmp_path, ["-S"]  # without what is installed
        shutil.copy(EXAMPLES / "send_with_client.py", folder)
        shutil.copy(ROOT / "hdaemon" / "client.py", folder)
    script, address = folder / "send_with_client.py", f"127.0.0.1:{server.port}"
    done = run(sys.executable, *options, script, "--to", address, PYTHONSAFEPATH="")
    assert (done.returncode, done.stdout) == (0, "3 messages: 0 stored, 3 only shown (print mode)\n"), done.stderr
    server.mode = "evaluate"
    done = run(sys.executable, *options, script, "--to", address, PYTHONSAFEPATH="")
    assert done.stdout.splitlines()[1] == "rig/camera is {'tx': 0.5, 'ty': 1.6, 'focal': 35}"
    assert len(store["sim/heights"].data) == 120
    server.stop()
    done = run(sys.executable, *options, script, "--to", address, PYTHONSAFEPATH="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"cannot send: {address} refused the connection")


@pytest.mark.skipif(shutil.which("bash") is None or sys.platform == "win32", reason="needs bash with /dev/tcp")
def test_bash(server: HPythonServer, log: RingLog) -> None:
    done = run("bash", EXAMPLES / "bash_send.sh", "Hello", "Houdini", HDAEMON_PORT=str(server.port))
    assert done.returncode == 0, done.stderr
    wait_until(lambda: payloads(log) == [b"Hello Houdini"])


def test_a_content_type_of_one_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_decoders", dict(content._decoders))
    runpy.run_path(str(EXAMPLES / "studio_content_type.py"))
    camera = (0.0, 1.5, 5.0, -10.0, 0.0, 0.0, 50.0)
    payload = memoryview(struct.pack("<7d", *camera))
    message = Message(1, 0.0, "cam", "application/x-studio-camera", payload, "client-1")
    assert (message.data, message.error) == (camera, None)
    cut = Message(2, 0.0, "cam", "application/x-studio-camera", b"short", "client-1")
    assert cut.data == b"short"
    assert "56 bytes" in str(cut.error)


class FakePoint:
    """As much of hou.Point as the example uses."""

    def __init__(self) -> None:
        self.at: tuple[float, ...] = ()

    def setPosition(self, pos: tuple[float, ...]) -> None:  # noqa: N802
        assert len(pos) == 3
        self.at = pos


class FakeGeometry:
    """As much of hou.Geometry as the example uses."""

    def __init__(self) -> None:
        self.points: list[FakePoint] = []
        self.detail: dict[str, object] = {}

    def createPoint(self) -> FakePoint:  # noqa: N802
        self.points.append(FakePoint())
        return self.points[-1]

    def addAttrib(self, type: object, name: str, default_value: object) -> None:  # noqa: A002, N802
        assert type == "Global"
        self.detail[name] = default_value

    def setGlobalAttribValue(self, name_or_attrib: str, attrib_value: object) -> None:  # noqa: N802
        assert name_or_attrib in self.detail
        self.detail[name_or_attrib] = attrib_value


def cook(monkeypatch: pytest.MonkeyPatch, session: SimpleNamespace) -> FakeGeometry:
    """Run the code of the Python SOP as Houdini would, with as much of hou as it uses."""
    geometry = FakeGeometry()
    hou = ModuleType("hou")
    hou.session = session  # type: ignore[attr-defined]
    hou.attribType = SimpleNamespace(Global="Global")  # type: ignore[attr-defined]
    hou.pwd = lambda: SimpleNamespace(geometry=lambda: geometry)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hou", hou)
    runpy.run_path(str(EXAMPLES / "read_in_python_sop.py"))
    return geometry


def test_python_sop_makes_a_point_of_what_telemetry_sends(
    server: HPythonServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.mode = "evaluate"
    sender = RawClient(server.host, server.port)
    sender.send_and_close(json.dumps({"frame": 1, "x": 1.0, "y": 2.0, "z": 3.0}).encode() + b"\n")
    wait_until(lambda: store.message is not None)
    geometry = cook(monkeypatch, SimpleNamespace(dataobject=store))
    assert [point.at for point in geometry.points] == [(1.0, 2.0, 3.0)]
    assert geometry.detail == {"serial": store.serial}


@pytest.mark.parametrize("session", [SimpleNamespace(), SimpleNamespace(dataobject=Store())])
def test_python_sop_cooks_empty_while_there_is_nothing(
    session: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    geometry = cook(monkeypatch, session)
    assert geometry.points == []
