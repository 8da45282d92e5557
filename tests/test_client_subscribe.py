"""`Client.subscribe`: its WebSocket, against wsproto's."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import threading
from typing import Any

import pytest
from client_fakes import Connection, answers, serving, until_end
from frames import BINARY, CLOSE, PING, PONG, TEXT
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.connection import Connection as Wsproto
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

from hdaemon import client as client_module
from hdaemon.client import Client, Disconnected, NotHdaemon, Rejected, Timeout, _Broken, _Frames


def shake_hands(connection: Connection) -> str:
    """Answer the opening handshake (RFC 6455, 4.2.2); return the path asked for."""
    method, path, headers, body = connection.request()
    assert (method, body, headers["upgrade"], headers["sec-websocket-version"]) == ("GET", b"", "websocket", "13")
    assert "origin" not in headers
    assert len(base64.b64decode(headers["sec-websocket-key"])) == 16
    digest = hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
    accept = f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}"
    connection.sock.sendall("\r\n".join((*lines, accept, "", "")).encode())
    return path


def head(serial: int, channel: str = "a", kind: str = "text/plain", **more: object) -> str:
    return json.dumps({"serial": serial, "channel": channel, "type": kind, "time": serial / 2, "client": "c", **more})


class Peer:
    """The server's side, in wsproto's words."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.path = shake_hands(connection)
        self._protocol = Wsproto(ConnectionType.SERVER)

    def send(self, *events: Any) -> None:
        self.connection.sock.sendall(b"".join(self._protocol.send(event) for event in events))

    def message(self, serial: int, payload: bytes, **more: Any) -> None:
        self.send(TextMessage(data=head(serial, **more)), BytesMessage(data=payload))

    def next(self) -> Any:
        """Return the next event of the client."""
        while True:
            for event in self._protocol.events():
                return event
            self._protocol.receive_data(self.connection.more())

    def end(self) -> CloseConnection:
        event = self.next()
        assert isinstance(event, CloseConnection)
        return event


def test_messages() -> None:
    ends: list[CloseConnection] = []

    def script(connection: Connection) -> None:
        peer = Peer(connection)
        assert peer.path == "/channels/maya/%C3%A9?subscribe=1&heads=1"
        peer.message(3, b"hello", channel="maya/\u00e9", stored=True)
        peer.message(4, b'{"x": 1}', channel="maya/\u00e9", kind="application/json", stored=False)
        peer.message(5, b"", channel="maya/\u00e9", kind="application/octet-stream")
        ends.append(peer.end())

    with serving(script) as port:
        client = Client(port=port)
        with client.subscribe("maya/\u00e9") as subscription:
            one, two, three = (next(subscription) for _ in range(3))
        assert (one.serial, one.channel, one.data, one.time, one.client, one.stored) == (
            *(3, "maya/\u00e9", "hello", 1.5, "c"),
            True,
        )
        assert (two.data, two.content_type, two.stored) == ({"x": 1}, "application/json", False)
        assert (three.data, three.error) == (b"", None)
        assert list(subscription) == []
        with pytest.raises(Disconnected, match="is closed"):
            subscription.receive()
        subscription.close()
    assert [int(end.code) for end in ends] == [1000]


def test_fragments_with_pings_between() -> None:
    pongs: list[bytes] = []
    large = os.urandom(300_000)

    def script(connection: Connection) -> None:
        peer = Peer(connection)
        peer.send(
            TextMessage(data=head(1)[:5], message_finished=False),
            Ping(payload=b"there?"),
            TextMessage(data=head(1)[5:]),
            BytesMessage(data=large[:100_000], message_finished=False),
            Ping(),
            BytesMessage(data=large[100_000:299_990], message_finished=False),
            BytesMessage(data=large[299_990:]),
        )
        for _ in range(2):
            event = peer.next()
            assert isinstance(event, Pong)
            pongs.append(bytes(event.payload))
        peer.end()

    with serving(script) as port, Client(port=port).subscribe("a") as subscription:
        assert bytes(next(subscription).payload) == large
    assert pongs == [b"there?", b""]


def test_nothing_comes_in_time() -> None:
    go = threading.Event()

    def script(connection: Connection) -> None:
        peer = Peer(connection)
        assert go.wait(20)
        peer.message(1, b"late")
        peer.end()

    with serving(script) as port, Client(port=port).subscribe("a", timeout_s=0.05) as subscription:
        for _ in range(2):
            with pytest.raises(Timeout, match="nothing came on a in time"):
                next(subscription)
        go.set()
        assert subscription.receive(10).data == "late"


def test_it_subscribes_again_when_the_connection_breaks() -> None:
    told: list[tuple[str, str]] = []

    def script(connection: Connection) -> None:
        peer = Peer(connection)
        if connection.number == 1:
            peer.message(1, b"one")
            peer.message(2, b"two")
            peer.send(CloseConnection(code=1001, reason="the server stops"))
        elif connection.number == 2:
            peer.send(TextMessage(data=head(9)))  # and breaks off
        else:
            peer.message(2, b"two")  # what is newest comes first: it was seen
            peer.message(3, b"three")
            peer.end()

    with serving(script) as port:
        client = Client(port=port, on_event=lambda event, text: told.append((event, text)))
        with client.subscribe("a", timeout_s=10) as subscription:
            assert [next(subscription).data for _ in range(3)] == ["one", "two", "three"]
        assert [event for event, _ in told] == ["lost", "reconnected", "reconnected"]
        assert told[0][1].endswith("broke: the server closed it (1001: the server stops)")


def test_a_server_that_does_not_come_back() -> None:
    def script(connection: Connection) -> None:
        Peer(connection).message(1, b"one")

    with serving(script) as port:
        subscription = Client(port=port, reconnect_s=0.2).subscribe("a")
        assert next(subscription).data == "one"
    with pytest.raises(Disconnected, match=r"subscription of a was lost: .*refused the connection"):
        next(subscription)
    with pytest.raises(Timeout, match="has not come back yet"):
        subscription.receive(0.0)
    subscription.close()


@pytest.mark.parametrize("code", [1003, 1007, 1008, 1009])
def test_a_close_that_coming_back_would_not_mend(code: int) -> None:
    def script(connection: Connection) -> None:
        peer = Peer(connection)
        peer.send(CloseConnection(code=code, reason="not like this"))
        until_end(connection)

    with serving(script) as port:
        with pytest.raises(Disconnected, match=rf"the server closed it \({code}: not like this\)"):
            next(Client(port=port).subscribe("a"))  # whichever of the two the close frame comes to


def test_a_server_that_does_not_take_it() -> None:
    with serving(answers(404, {"error": "no such thing"})) as port:
        with pytest.raises(Rejected, match=r"channel 'a' \(404\): no such thing"):
            Client(port=port).subscribe("a")
    with serving(answers(200, [])) as port:
        with pytest.raises(NotHdaemon, match=r"does not take subscriptions \(it answered 200\)"):
            Client(port=port).subscribe("a")

    def wrong_key(connection: Connection) -> None:
        connection.request()
        connection.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAA\r\n\r\n")
        until_end(connection)

    with serving(wrong_key) as port, pytest.raises(NotHdaemon, match="it answered 101"):
        Client(port=port).subscribe("a")


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (b"\xc1\x00", "reserved bits"),
        (b"\x81\x80\0\0\0\0", "a mask"),
        (b"\x83\x00", "unknown opcode"),
        (b"\x89\x7e\x00\x80" + b"x" * 128, "control frame that is long"),
        (b"\x09\x00", "control frame that is long or cut"),
        (b"\x81\x7e\x00\x05hello", "length is written too long"),
        (b"\x81\x7f\0\0\0\0\0\0\x00\x7e", "length is written too long"),
        (b"\x80\x00", "the rest of none"),
        (b"\x01\x00\x01\x00", "inside another"),
        (b"\x82\x7f" + b"\xff" * 8, "more than 1000 bytes"),
        (b"\x02\x7e\x02\x58" + b"x" * 600 + b"\x80\x7e\x02\x58", "more than 1000 bytes"),
        (b"\x82\x01x", "a payload without a head"),
        (b"\x81\x02{}", "a head that is none"),
        (b"\x81\x01\xff", "a head that is none"),
    ],
)
def test_frames_that_are_none_break_the_connection(frames: bytes, said: str) -> None:
    told: list[str] = []

    def script(connection: Connection) -> None:
        shake_hands(connection)
        if connection.number == 1:
            connection.sock.sendall(frames)
        else:
            connection.sock.sendall(b"\x81" + bytes([len(head(1))]) + head(1).encode() + b"\x82\x02ok")
        until_end(connection)

    with serving(script) as port:
        client = Client(port=port, max_message_bytes=1000, on_event=lambda _, text: told.append(text))
        with client.subscribe("a") as subscription:
            assert next(subscription).data == "ok"
    assert said in told[0]


def test_a_silent_connection_is_asked_and_then_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_PING_AFTER_S", 0.05)
    pings: list[Ping] = []

    def script(connection: Connection) -> None:
        peer = Peer(connection)
        pings.append(peer.next())
        if connection.number == 1:
            until_end(connection)
        peer.send(pings[-1].response())
        peer.message(1, b"there")
        peer.end()

    with serving(script) as port:
        client = Client(port=port, timeout_s=0.5)
        with client.subscribe("a") as subscription:
            assert next(subscription).data == "there"
    assert [type(ping) for ping in pings] == [Ping, Ping]


frame_lists = st.lists(
    st.tuples(st.sampled_from([TEXT, BINARY, PING]), st.integers(0, 200_000), st.integers(1, 4)), max_size=5
)


@settings(max_examples=40)
@given(frame_lists, st.lists(st.integers(1, 70_000), max_size=8))
def test_frames_may_be_cut_anywhere(messages: list[tuple[int, int, int]], cuts: list[int]) -> None:
    """What wsproto writes is read, however it is split."""
    protocol, wanted, data = Wsproto(ConnectionType.SERVER), [], b""
    for opcode, size, parts in messages:
        payload = (b"%d" % size * size)[: size if opcode != PING else min(size, 125)]
        wanted.append((opcode, payload))
        if opcode == PING:
            data += protocol.send(Ping(payload=payload))
            continue
        step = len(payload) // parts + 1
        pieces = [payload[i : i + step] for i in range(0, len(payload), step)] or [b""]
        for i, piece in enumerate(pieces):
            last = i == len(pieces) - 1
            event = (
                TextMessage(data=piece.decode(), message_finished=last)
                if opcode == TEXT
                else BytesMessage(data=piece, message_finished=last)
            )
            data += protocol.send(event)
    frames, found, at = _Frames(1 << 30), [], 0
    for cut in [*cuts, len(data)]:
        found += frames.feed(data[at : at + cut])
        at += cut
    assert found == wanted


@given(st.binary(max_size=200))
def test_garbage_is_no_more_than_a_broken_connection(data: bytes) -> None:
    frames = _Frames(1000)
    try:
        frames.feed(data)
    except _Broken:
        pass


def test_masks() -> None:
    made = client_module._frame(PONG, b"hello")
    assert made[:2] == bytes([0x8A, 0x85])
    assert bytes(byte ^ made[2 + i % 4] for i, byte in enumerate(made[6:])) == b"hello"
    assert client_module._frame(CLOSE, struct.pack("!H", 1000))[:2] == bytes([0x88, 0x82])
