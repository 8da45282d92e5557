"""`hdaemon.client` and shared memory that breaks off, is over or is none: servers that a test scripts."""

from __future__ import annotations

import json
import logging
import mmap
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from client_fakes import STATUS, Connection, number_of, serving
from shared_memory import Memory, needed

from hdaemon import client as client_module
from hdaemon.client import Client, Rejected

pytestmark = needed

fcntl = pytest.importorskip("fcntl")

MIB = 1024 * 1024
SHARES = {**STATUS, "shared_memory": True}


def hello(connection: Connection) -> None:
    assert connection.request()[:2] == ("GET", "/status")
    connection.answer(200, SHARES)


def lend(connection: Connection, lent: object, status: int = 200) -> None:
    method, path, _, body = connection.request()
    assert (method, path, list(json.loads(body))) == ("POST", "/segments", ["bytes"])
    connection.answer(status, lent)


DATA = os.urandom(MIB) * 9


def publishing(connection: Connection, body: bytes) -> dict[str, str]:
    """Take a message, and return its headers."""
    method, path, headers, data = connection.request()
    assert (method, path, data == body) == ("PUT", "/channels/a", True)
    return headers


@pytest.mark.parametrize("how", ["broken", "over"])
def test_what_was_not_taken_from_shared_memory_is_sent_by_tcp_with_its_key(how: str) -> None:
    seen = []
    with Memory("m") as memory:

        def script(connection: Connection) -> None:
            hello(connection)
            if connection.number == 1:
                lend(connection, memory.lent)
                seen.append(publishing(connection, b""))
                assert os.pread(memory.fd, len(DATA), 0) == DATA
                if how == "broken":
                    return
                connection.answer(410, {"error": "it is over"})
            seen.append(publishing(connection, DATA))
            connection.acknowledge(7, "a")
            connection.more()

        with serving(script) as port, Client(port=port) as client:
            ack = client.send(DATA, "a")
            assert (ack.serial, ack.error) == (7, None)
            assert client.flush().count == 1
    assert [number_of(headers) for headers in seen] == [1, 1]
    assert seen[0]["hdaemon-segment"] == f"m; bytes={len(DATA)}"
    assert "hdaemon-segment" not in seen[1]


def test_another_error_is_told() -> None:
    with Memory("m") as memory:

        def script(connection: Connection) -> None:
            hello(connection)
            lend(connection, memory.lent)
            publishing(connection, b"")
            connection.answer(507, {"error": "no room"})
            connection.more()

        with serving(script) as port, Client(port=port) as client, pytest.raises(Rejected, match="no room"):
            client.send(DATA, "a")


def a_file(folder: Path) -> dict[str, Any]:
    """A file of ours: what another machine's or container's path may lead to."""
    return {"id": "m", "path": str(folder / "file")}


def a_descriptor(folder: Path) -> dict[str, Any]:
    _OPEN.append((folder / "file").open("r+b"))
    return {"id": "m", "path": f"/proc/{os.getpid()}/fd/{_OPEN[-1].fileno()}"}


def another_segment(folder: Path) -> dict[str, Any]:
    _OPEN.append(Memory("other"))
    return {**_OPEN[-1].lent, "id": "m"}


def not_sealed(folder: Path) -> dict[str, Any]:
    _OPEN.append(Memory("m", seals=0))
    return dict(_OPEN[-1].lent)


def nothing_there(folder: Path) -> dict[str, Any]:
    return {"id": "m", "path": "/proc/4194305/fd/3"}


_OPEN: list[Any] = []


@pytest.mark.parametrize(
    "lent",
    [
        a_file,
        a_descriptor,
        another_segment,
        not_sealed,
        nothing_there,
        lambda _: {"id": "m"},
        lambda _: {"id": 7, "path": 7},
        lambda _: [],
        lambda _: None,
    ],
)
def test_nothing_is_written_to_what_is_no_segment(
    lent: Callable[[Path], object], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And it is not asked for again on this connection."""
    (tmp_path / "file").write_bytes(b"mine" * MIB)

    def script(connection: Connection) -> None:
        hello(connection)
        lend(connection, lent(tmp_path))
        for serial in (1, 2):
            publishing(connection, DATA)
            connection.acknowledge(serial, "a")
        connection.more()

    try:
        with caplog.at_level(logging.INFO, "hdaemon.client"), serving(script) as port, Client(port=port) as client:
            assert client.send(DATA, "a", wait=True).serial == 1
            assert client.send(DATA, "a", wait=True).serial == 2
        assert "large messages go by TCP" in caplog.text
        assert (tmp_path / "file").read_bytes() == b"mine" * MIB
        assert all(os.fstat(made.fd).st_blocks == 0 for made in _OPEN if isinstance(made, Memory))
    finally:
        while _OPEN:
            _OPEN.pop().__exit__(None, None, None)


@pytest.mark.parametrize(("status", "asked"), [(501, 1), (404, 1), (403, 1), (503, 2), (413, 2)])
def test_it_is_asked_again_only_where_that_may_help(status: int, asked: int) -> None:
    seen = []

    def script(connection: Connection) -> None:
        hello(connection)
        for serial in (1, 2):
            if serial <= asked:
                lend(connection, {"error": "no"}, status)
                seen.append(serial)
            publishing(connection, DATA)
            connection.acknowledge(serial, "a")
        connection.more()

    with serving(script) as port, Client(port=port) as client:
        for _ in range(2):
            client.send(DATA, "a", wait=True)
    assert len(seen) == asked


def test_mappings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(re.findall(r"memfd:hdaemon\S*", Path("/proc/self/maps").read_text()))  # another test's, if any
    monkeypatch.setattr(client_module, "_MAX_MAPPED", 2)
    mine = client_module._Segments()
    with Memory("a") as a, Memory("b") as b, Memory("c") as c:
        for memory in (a, b, c, a, c):
            os.posix_fallocate(memory.fd, 0, 16 * MIB)
            mine.write(memory.lent["id"], memory.lent["path"], (b"ab", memoryview(b"c" * 5 * MIB)), 5 * MIB + 2)
            assert os.pread(memory.fd, 4, 0) == b"abcc"
            assert os.pread(memory.fd, 3, 5 * MIB) == b"cc\0"
        assert list(mine._mapped) == ["a", "c"]
        mine.write("a", a.lent["path"], (b"d" * 6 * MIB,), 6 * MIB)  # more than was mapped of it
        assert os.pread(a.fd, 3, 6 * MIB - 2) == b"dd\0"
        assert [len(mapped) for mapped in mine._mapped.values()] == [5 * MIB + 2, 6 * MIB]
        mine.close()
        assert set(re.findall(r"memfd:hdaemon\S*", Path("/proc/self/maps").read_text())) <= before


def test_pages_that_are_not_there_are_written_as_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where memory is short that is an error, and not a signal that ends the program."""
    mine = client_module._Segments()

    def no_map(*_: object) -> None:
        raise AssertionError("mapped")

    with Memory("a", fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW) as memory:
        monkeypatch.setattr(mmap, "mmap", no_map)
        mine.write("a", memory.lent["path"], (b"ab", memoryview(b"c" * 5 * MIB)), 5 * MIB + 2)
        assert os.pread(memory.fd, 5 * MIB + 3, 0) == b"ab" + b"c" * 5 * MIB + b"\0"
        assert not mine._mapped
        with pytest.raises(PermissionError):  # beyond its end, which is sealed
            mine._open("a", memory.lent["path"], (b"c" * 17 * MIB,), 17 * MIB)
