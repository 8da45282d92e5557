"""One server a name."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from helpers import RawClient, events, payloads, wait_until

import hdaemon
from hdaemon.server.thread import HPythonServer, alive

Connect = Callable[[HPythonServer], RawClient]


def test_one_server_a_name(server_name: str) -> None:
    server = hdaemon.start(server_name, port=0)
    assert server.objectName() == server_name
    assert hdaemon.start(server_name, port=0, mode="evaluate") is server
    assert server.mode == "print", "it goes on as it was"
    assert hdaemon.find(server_name) is server
    assert server in hdaemon.servers()
    assert hdaemon.stopHPythonServer(server_name)
    assert server.state == "stopped"
    assert server not in hdaemon.servers()
    assert hdaemon.stopHPythonServer(server_name), "stopping what does not run is no error"


def test_a_name_that_was_never_used(server_name: str) -> None:
    assert hdaemon.find(server_name) is None
    assert hdaemon.stopHPythonServer(server_name)


def test_the_original_s_function(server_name: str) -> None:
    server = hdaemon.startHPythonServer(server_name)
    assert HPythonServer.HOUDINIPORT <= server.port <= HPythonServer.HOUDINIPORT + 99
    assert hdaemon.startHPythonServer(server_name) is server
    assert hdaemon.stopHPythonServer(server_name)


def test_another_start_is_another_server_with_the_same_log(server_name: str, connect: Connect) -> None:
    log = hdaemon.log_of(server_name)
    first = hdaemon.start(server_name, port=0)
    connect(first).send_and_close(b"one")
    wait_until(lambda: payloads(log) == [b"one"])
    assert first.stop()
    second = hdaemon.start(server_name, port=0)
    assert second is not first
    assert second.log is first.log is log
    connect(second).send_and_close(b"two")
    wait_until(lambda: payloads(log) == [b"one", b"two"])


def test_two_names_have_two_logs_and_one_store(
    server_name: str, connect: Connect, process_store: hdaemon.Store
) -> None:
    other_name = server_name + "_other"
    first = hdaemon.start(server_name, port=0, mode="evaluate")
    second = hdaemon.start(other_name, port=0, mode="evaluate")
    try:
        assert first.log is not second.log
        assert first.port != second.port
        connect(first).send_and_close(b"one")
        wait_until(lambda: process_store.data == "one")
        connect(second).send_and_close(b"two")
        wait_until(lambda: process_store.data == "two")
        entry = hdaemon.latest()
        assert entry is not None
        assert entry.data == "two"
    finally:
        assert second.stop()


def test_a_failed_start_raises_and_can_be_tried_again(server_name: str) -> None:
    with pytest.raises(hdaemon.BindError, match="out of range"):
        hdaemon.start(server_name, port=70_000)
    assert alive() == ()
    found = hdaemon.find(server_name)
    assert found is not None
    assert found.state == "failed"
    assert len(events(hdaemon.log_of(server_name), "error")) == 1
    assert hdaemon.start(server_name, port=0).state == "listening"


def test_a_failed_start_without_waiting_is_told_by_the_state(server_name: str) -> None:
    server = hdaemon.start(server_name, host="0.0.0.0", port=0, wait=False)
    wait_until(lambda: server.state == "failed")
    assert "token" in server.error


def test_limits_reach_the_log(server_name: str) -> None:
    limits = hdaemon.Limits(log_rows=123, log_payload_bytes=456)
    server = hdaemon.start(server_name, port=0, limits=limits)
    assert server.limits is limits
    assert (server.log.max_rows, server.log.max_payload_bytes) == (123, 456)


def test_starting_from_several_threads_gives_one_server(server_name: str) -> None:
    got: list[HPythonServer] = []
    threads = [threading.Thread(target=lambda: got.append(hdaemon.start(server_name, port=0))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(got) == 6
    assert len(set(map(id, got))) == 1


def test_stopping_and_starting_from_two_threads(server_name: str) -> None:
    def start() -> None:
        for _ in range(30):
            hdaemon.start(server_name, port=0, wait=False)

    def stop() -> None:
        for _ in range(30):
            hdaemon.stopHPythonServer(server_name)

    threads = [threading.Thread(target=start), threading.Thread(target=stop)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    server = hdaemon.start(server_name, port=0)
    assert server.state == "listening"
    assert server.stop(5.0)
    wait_until(lambda: all(other.isFinished() for other in alive()))
    for other in alive():
        assert other.stop()
