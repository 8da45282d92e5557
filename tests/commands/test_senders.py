"""The demo's senders: what each sends, and that they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from helpers import data_rows, payloads, wait_until
from serving import environment

from hdaemon.commands import senders
from hdaemon.content.mesh import Mesh
from hdaemon.log import RingLog
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store


def run(kind: str, server: HPythonServer, seconds: float) -> int:
    return senders.main([kind, server.host, str(server.port), str(seconds)])


def test_telemetry(server: HPythonServer, log: RingLog, store: Store) -> None:
    server.mode = "evaluate"
    assert run("telemetry", server, 0.4) == 0
    assert store["rig/camera"].message.content_type == "application/json"
    frames = [json.loads(row.payload)["frame"] for row in data_rows(log) if row.channel == "rig/camera"]
    assert frames == list(range(len(frames)))
    assert 5 <= len(frames) <= 13
    assert store["rig/lights/key"].data.keys() == {"intensity", "temperature"}


def test_points(server: HPythonServer, store: Store) -> None:
    server.mode = "evaluate"
    assert run("points", server, 0.1) == 0
    array = store["sim/points"].data
    assert (array.dtype, array.shape) == ("float32", (5000, 3))
    assert store["sim/status"].data.startswith("step 1000: 5000 points, highest at ")


def test_cloth(server: HPythonServer, log: RingLog, store: Store) -> None:
    server.mode = "evaluate"
    assert run("cloth", server, 0.5) == 0
    mesh = store["sim/cloth"].data
    assert isinstance(mesh, Mesh)
    assert (len(mesh.points), len(mesh.counts), len(mesh.indices)) == (3249, 3136, 12544)
    assert set(mesh.counts.tolist()) == {4}
    assert mesh.vertex["uv"].shape == (12544, 2)
    assert mesh.kinds == {"point/N": "normal", "vertex/uv": "texturecoord"}
    sent = [row.message for row in data_rows(log) if row.channel == "sim/cloth"]
    assert 5 <= len(sent) <= 16
    first, last = sent[0].data, sent[-1].data
    assert first.same_topology(last)
    assert not np.array_equal(first.points, last.points)
    assert [message.data.detail["frame"].tolist() for message in sent] == [[at] for at in range(len(sent))]


def test_the_cloths_normals_are_those_of_its_polygons(server: HPythonServer, store: Store) -> None:
    server.mode = "evaluate"
    assert run("cloth", server, 0.2) == 0
    mesh = store["sim/cloth"].data
    a, b, c, d = (mesh.points[mesh.indices[corner::4]].astype("f8") for corner in range(4))
    faces = np.cross(c - a, d - b)  # counterclockwise: towards who looks
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    at_corners = sum(mesh.point["N"][mesh.indices[corner::4]] for corner in range(4)) / 4
    assert np.sum(faces * at_corners, axis=1).min() > 0.98
    assert (faces[:, 1] > 0).all()


def test_original(server: HPythonServer, log: RingLog) -> None:
    assert run("original", server, 0.1) == 0
    wait_until(lambda: payloads(log) == [b"Hellow Houdini, I am your father"])


def test_burst(server: HPythonServer, log: RingLog) -> None:
    assert run("burst", server, 0.1) == 0
    wait_until(lambda: len(payloads(log)) == 400)


@pytest.mark.parametrize("kind", list(senders.KINDS))
def test_without_a_server_it_ends(kind: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hdaemon.commands.senders", kind, "127.0.0.1", "1", "30"],
        capture_output=True,
        timeout=30,
        check=False,
        cwd=tempfile.gettempdir(),
        env={**os.environ, **environment()},
    )
    assert done.returncode == 1
    assert done.stderr == b""
