"""examples/python, against a real server; and what the add-on for Blender is built of."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from helpers import ROOT

from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store

PYTHON = ROOT / "examples" / "python"
TRIANGLE = {"points": np.eye(3, dtype=np.float32), "counts": [3], "indices": [0, 1, 2]}


def run(*command: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *map(str, command)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("copied", [False, True])
def test_deforming_grid(server: HPythonServer, store: Store, tmp_path: Path, copied: bool) -> None:
    server.mode = "evaluate"
    script = PYTHON / "deforming_grid.py"
    if copied:
        script = Path(shutil.copy(script, tmp_path))
        shutil.copy(ROOT / "hdaemon" / "client.py", tmp_path)
    options = ("--points", "900", "--seconds", "0.3", "--rate", "100", "--to", f"127.0.0.1:{server.port}")
    done = run(script, *options)
    assert (done.returncode, done.stderr) == (0, "")
    frames = re.fullmatch(r"(\d+) frames of 900 points: [\d.]+ frames/s\n", done.stdout)
    assert frames is not None
    assert 2 <= int(frames[1]) <= 32
    assert server.messages_received == int(frames[1])
    mesh = store["python/grid"].data
    assert (len(mesh.points), mesh.counts.tolist()) == (900, [4] * 29**2)
    x, y, z = mesh.points.T.astype(float)
    # Whatever its time was: a height is sin(x + t) cos(z - t) / 2, and the normal that of the surface.
    found = [t for t in np.linspace(0, 1, 2001) if np.abs(np.sin(x + t) * np.cos(z - t) / 2 - y).max() < 1e-3]
    assert found
    grid = mesh.points.reshape(30, 30, 3).astype(float)
    wanted = np.cross(np.gradient(grid, axis=0), np.gradient(grid, axis=1))[2:-2, 2:-2].reshape(-1, 3)
    wanted /= np.linalg.norm(wanted, axis=1)[:, None]
    normals = mesh.point["N"].reshape(30, 30, 3)[2:-2, 2:-2].reshape(-1, 3)
    assert (np.einsum("ij,ij->i", wanted, normals) > 0.99).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.point["N"], axis=1), 1, atol=1e-5)
    corners = grid.reshape(-1, 3)[mesh.indices].reshape(-1, 4, 3)  # counter-clockwise from above
    assert (np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])[:, 1] > 0).all()


def test_deforming_grid_without_a_server_says_so() -> None:
    done = run(PYTHON / "deforming_grid.py", "--points", "4", "--to", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is the server started" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def live_sender(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(PYTHON))
    yield importlib.import_module("live_sender")
    sys.modules.pop("live_sender", None)


@pytest.fixture
def sender_to(live_sender: ModuleType) -> Iterator[Callable[..., object]]:
    made = []

    def make(port: int, **options: object) -> object:
        made.append(live_sender.LiveSender("127.0.0.1", port, **options))
        return made[-1]

    yield make
    for sender in made:
        assert sender.close(10)


def test_what_was_sent_is_told(server: HPythonServer, store: Store, sender_to: Callable[..., object]) -> None:
    sender = sender_to(server.port)
    assert sender.status[:2] == ("idle", f"Nothing was sent to 127.0.0.1:{server.port} yet")
    sender.offer("a", TRIANGLE)
    assert sender.wait(10)
    assert sender.status.state == "sent"
    assert "a: 3 points, 1 polygons in" in sender.status.text
    assert sender.status.text.endswith("(only shown: the server is in print mode)")
    server.mode = "evaluate"
    sender.offer("a", TRIANGLE)
    assert sender.wait(10)
    assert sender.status.text.endswith(" ms")
    assert store["a"].data.points.tolist() == np.eye(3).tolist()


def test_the_newest_overtakes(server: HPythonServer, store: Store, sender_to: Callable[..., object]) -> None:
    """While one is sent, the newest of each channel waits, and no other."""
    server.mode = "evaluate"
    sender = sender_to(server.port)
    inside, go_on = threading.Event(), threading.Event()
    send_mesh = sender._client.send_mesh

    def slow(**mesh: object) -> object:
        inside.set()
        assert go_on.wait(10)
        return send_mesh(**mesh)

    sender._client.send_mesh = slow
    sender.offer("a", {**TRIANGLE, "detail": {"frame": 0}})
    assert inside.wait(10)
    for frame in range(1, 10):
        sender.offer("a", {**TRIANGLE, "detail": {"frame": frame}})
        sender.offer("b", {**TRIANGLE, "detail": {"frame": frame}})
    assert sender.busy
    go_on.set()
    assert sender.wait(10)
    assert not sender.busy
    assert server.messages_received == 3
    assert [store[name].data.detail["frame"].tolist() for name in "ab"] == [[9], [9]]


def test_it_waits_for_a_server_or_gives_up(
    server: HPythonServer,
    start_server: Callable[..., HPythonServer],
    live_sender: ModuleType,
    sender_to: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_sender, "RETRY_S", 0.01)
    port = server.port
    server.stop()
    sender = sender_to(port)
    sender.offer("a", TRIANGLE, retry=False)
    assert sender.wait(10)
    assert sender.status.state == "failed"
    assert "is the server started" in sender.status.text
    sender.offer("a", TRIANGLE)
    assert not sender.wait(0.1)
    assert sender.status.state == "waiting"
    assert sender.status.text.startswith("No server, trying again: ")
    again = start_server(port=port)
    assert again.port == port
    assert sender.wait(10)
    assert sender.status.state == "sent"
    assert again.messages_received == 1


def test_a_mesh_that_does_not_fit_ends_nothing(server: HPythonServer, sender_to: Callable[..., object]) -> None:
    sender = sender_to(server.port)
    for wrong, said in (
        ({**TRIANGLE, "counts": [4]}, "Not sent: counts add up"),
        ({"point": 7}, "Not sent, TypeError"),
    ):
        sender.offer("a", wrong)
        assert sender.wait(10)
        assert sender.status.state == "failed"
        assert sender.status.text.startswith(said)
    sender.offer("a", TRIANGLE)
    assert sender.wait(10)
    assert sender.status.state == "sent"


def test_closing_drops_what_waits(sender_to: Callable[..., object]) -> None:
    sender = sender_to(1)
    sender.offer("a", TRIANGLE)
    assert sender.close(10)
    assert sender.close(10)
    with pytest.raises(RuntimeError, match="closed"):
        sender.offer("a", TRIANGLE)


def test_the_add_on_for_blender_is_built(tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "b" / "b.zip"
    for target in (first, second):
        done = run(ROOT / "examples" / "blender" / "build.py", target)
        assert (done.returncode, done.stderr) == (0, "")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        names = archive.namelist()
        assert {"__init__.py", "blender_manifest.toml", "LICENSE"} < set(names)
        assert archive.read("client.py") == (ROOT / "hdaemon" / "client.py").read_bytes()
        assert archive.read("live_sender.py") == (PYTHON / "live_sender.py").read_bytes()
        for name in names:
            if name.endswith(".py"):
                compile(archive.read(name), name, "exec")
