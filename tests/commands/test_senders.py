"""The demo's senders: what each sends, and that they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

import pytest
from helpers import data_rows, payloads, wait_until
from serving import environment

from hdaemon.commands import senders
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
