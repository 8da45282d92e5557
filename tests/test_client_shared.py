"""`hdaemon.client` handing large messages over in shared memory, and by TCP wherever that cannot be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT
from serving import Serving
from shared_memory import needed, none_left, opened

from hdaemon import client as client_module
from hdaemon.client import Client, Disconnected, Rejected
from hdaemon.log import RingLog
from hdaemon.server import shared
from hdaemon.server.thread import HPythonServer
from hdaemon.store import Store
from hdaemon.wire.limits import Limits

pytestmark = needed

Start = Callable[..., HPythonServer]

MIB = 1024 * 1024
LARGE = np.arange(3 * MIB, dtype="f4")  # 12 MiB


def handed_over(server: HPythonServer) -> int:
    """Return how many bytes have come in shared memory."""
    return server._loop._segments.bytes_received


def segments(server: HPythonServer) -> list[str]:
    return [segment.id for segment in server._loop._segments._segments]


@pytest.fixture(autouse=True)
def _no_memory_left(store: Store, log: RingLog) -> Iterator[None]:
    yield
    none_left(store, log)


@pytest.fixture
def evaluating(start_server: Start) -> HPythonServer:
    return start_server(mode="evaluate")


def test_large_messages_are_handed_over_in_shared_memory(evaluating: HPythonServer, store: Store) -> None:
    arrays = {"P": LARGE.reshape(-1, 3), "id": np.arange(7)}
    text = "\u00e9" * (5 * MIB)
    with Client(evaluating.host, evaluating.port) as client:
        acks = [
            client.send(LARGE, "npy"),
            client.send(arrays, "tensors"),
            client.send(text, "text"),
            client.send(bytearray(9 * MIB), "bytes", "application/x-test"),
            client.send_mesh(LARGE.reshape(-1, 3), channel="mesh"),
        ]
        assert [ack.serial for ack in acks] == [1, 2, 3, 4, 5]
        assert all(ack.stored for ack in acks)
        done = client.flush()
        assert (done.count, done.stored) == (5, 5)
        latest = client.latest("text")
    assert latest is not None
    assert latest.data == store["text"].data == text
    assert np.array_equal(store["npy"].data, LARGE)
    assert not store["npy"].data.flags.writeable
    assert np.array_equal(store["tensors"].data["P"], arrays["P"])
    assert store["tensors"].data["id"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert store["bytes"].message.content_type == "application/x-test"
    assert bytes(store["bytes"].message.payload) == bytes(9 * MIB)
    assert np.array_equal(store["mesh"].data.points, LARGE.reshape(-1, 3))
    assert handed_over(evaluating) == sum(len(store[name].message) for name in store)
    assert handed_over(evaluating) < evaluating.bytes_received < handed_over(evaluating) + 10_000


def test_small_messages_and_who_does_not_want_it_use_tcp(evaluating: HPythonServer, store: Store) -> None:
    with Client(evaluating.host, evaluating.port) as client:
        client.send(bytes(8 * MIB - 1), "a")
    with Client(evaluating.host, evaluating.port, shared_memory=False) as client:
        client.send(LARGE, "b")
    assert handed_over(evaluating) == 0
    assert len(store["a"].message) == 8 * MIB - 1
    assert np.array_equal(store["b"].data, LARGE)


def test_a_segment_is_used_again_and_never_under_somebody_s_eyes(
    evaluating: HPythonServer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_STREAM_S", 60.0)  # however slow the machine is
    queue = store.queue("a")
    held = []
    used = set()
    with Client(evaluating.host, evaluating.port) as client:
        for number in range(12):
            client.send(LARGE + np.float32(number), "a")
            used.update(segments(evaluating))
            message = queue.take(timeout_s=10)
            assert message is not None
            if number in (2, 7):
                held.append(message.data)
            del message
            evaluating.log.clear()
            store.clear()
        assert handed_over(evaluating) > 12 * LARGE.nbytes
        assert len(used) == 4  # that of two which are held, and two in turns for all others: one is lent ahead
        assert set(client._segments._mapped) == used
        assert [float(data[0]) for data in held] == [2.0, 7.0]
        assert np.array_equal(held[0], LARGE + np.float32(2))
    assert not client._segments._mapped


def test_messages_around_it_stay_in_order(evaluating: HPythonServer, store: Store) -> None:
    queue = store.queue("#")
    with Client(evaluating.host, evaluating.port) as client, client.batch():
        for number in range(3):
            client.send(f"before {number}", "text")
            client.send(LARGE, "large")
            client.send(f"after {number}", "text")
    order = [message.channel for message in iter(lambda: queue.take(timeout_s=0.0), None)]
    assert order == ["text", "large", "text"] * 3


def test_where_all_memory_is_in_use_it_is_tcp(start_server: Start, store: Store) -> None:
    server = start_server(mode="evaluate", limits=Limits(max_shared_bytes=30 * MIB))
    with Client(server.host, server.port) as client:
        for number in range(4):
            client.send(LARGE, f"channel/{number}")  # each is held by the store
        assert len(segments(server)) == 2
        assert 2 * LARGE.nbytes < handed_over(server) < 3 * LARGE.nbytes
        assert all(np.array_equal(store[f"channel/{number}"].data, LARGE) for number in range(4))
        store.clear()
        server.log.clear()
        client.send(LARGE, "again")
        assert handed_over(server) > 3 * LARGE.nbytes


def test_what_is_too_large_is_refused_as_by_tcp(start_server: Start) -> None:
    server = start_server(limits=Limits(max_http_message_bytes=9 * MIB))
    client = Client(server.host, server.port)
    with pytest.raises(Rejected, match="max_http_message_bytes"):
        client.send(LARGE)
    client.close()


def test_a_server_without_shared_memory_is_sent_all_by_tcp(
    start_server: Start, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "OFFERED", False)
    server = start_server(mode="evaluate")
    with Client(server.host, server.port) as client:
        client.send(LARGE)
        client.send(LARGE)
    assert handed_over(server) == 0
    assert np.array_equal(store["default"].data, LARGE)


def test_a_program_alone_and_the_oldest_python_hand_over_too(start_server: Start, tmp_path: Path) -> None:
    """With warnings as errors, also those of a resource tracker at the end."""
    shutil.copy(ROOT / "hdaemon" / "client.py", tmp_path)
    code = (
        "import sys, client\n"
        "with client.Client('127.0.0.1', int(sys.argv[1])) as c:\n"
        "    for i in range(4): c.send(bytearray(b'%d' % i) * 9000000, 'a')\n"
    )
    found = [sys.executable]
    old = shutil.which("python3.7")
    if old and subprocess.run([old, "--version"], capture_output=True, timeout=30, check=False).returncode == 0:
        found.append(old)
    for python in found:
        server = start_server(mode="evaluate", store=Store(), log=RingLog())
        done = subprocess.run(
            [python, "-W", "error", "-E", "-s", "-c", code, str(server.port)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert handed_over(server) == 4 * 9_000_000
        assert bytes(server.store["a"].message.payload) == b"3" * 9_000_000
        assert server.stop(timeout_s=5.0)
        server.log.clear()
        server.store.clear()


def test_a_server_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    with Serving("--mode", "evaluate") as serve:
        client = Client("127.0.0.1", serve.port, reconnect_s=0.0)
        for _ in range(6):
            client.send(LARGE, "a")
        assert opened()
        serve.process.kill()
        serve.process.wait(10)
        with pytest.raises(Disconnected):
            client.send(LARGE, "a")
        assert not opened()
        client.discard()
        client.close()
