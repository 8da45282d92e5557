"""A WebSocket client written from RFC 6455, for tests of the server."""

from __future__ import annotations

import struct
from collections.abc import Callable

from frames import CLOSE, PING, PONG, frame
from helpers import RawClient

from hdaemon.message import Message
from hdaemon.server.thread import HPythonServer

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Socket:
    """A WebSocket client that reads frames as they come; every wait has a deadline."""

    def __init__(self, server: HPythonServer, target: str, *headers: str) -> None:
        self.raw = RawClient(server.host, server.port)
        self.server = server
        lines = [
            f"GET {target} HTTP/1.1",
            f"Host: {server.host}:{server.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {KEY}",
            "Sec-WebSocket-Version: 13",
            *headers,
        ]
        self.raw.send("\r\n".join([*lines, "", ""]).encode())
        self.buffer = b""
        self.answer = self._until(b"\r\n\r\n").decode()

    @property
    def status(self) -> int:
        return int(self.answer.split()[1])

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        self.raw.send(frame(opcode, payload, fin=fin))

    def receive(self) -> tuple[int, bytes]:
        """Return the opcode and payload of the next frame."""
        first, size = self._take(2)
        assert first & 0x80, "the server does not fragment"
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return first & 0x0F, self._take(size)

    def closing(self) -> tuple[int, str]:
        """Return the code and the reason of the close frame that comes next."""
        opcode, payload = self.receive()
        assert opcode == CLOSE
        return struct.unpack("!H", payload[:2])[0], payload[2:].decode()

    def round_trip(self) -> None:
        """Return when the server has dealt with everything sent so far."""
        self.send(PING, b"here?")
        assert self.receive() == (PONG, b"here?")

    def rest(self) -> bytes:
        return self.buffer + self.raw.read_all()

    def close(self) -> None:
        self.raw.close()

    def _take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            part = self.raw.sock.recv(1 << 20)
            assert part, "the server closed the connection"
            self.buffer += part
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            part = self.raw.sock.recv(65536)
            assert part, "the server closed the connection"
            self.buffer += part
        taken, _, self.buffer = self.buffer.partition(end)
        return taken


Open = Callable[..., Socket]


def message(server: HPythonServer, channel: str) -> Message:
    entry = server.store.get(channel)
    assert entry is not None
    return entry.message
