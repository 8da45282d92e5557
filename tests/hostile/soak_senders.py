"""What the soak sends: ``python soak_senders.py DOOR PORT SEED``, a process for each door.

A round is begun by a line with the bytes that the process should have sent by its end, since its start. It says how
many messages and bytes it has sent on each channel, and when the large ones went. Sizes are drawn log-uniformly between
1 byte and the largest of the door: as many from 1 to 10 bytes as from 50 to 500 MB. The first of the large doors is 500
MB. Memory that is sent and never written costs the machine nothing: the system has one page of zeros for all of it.

The processes take only what the session leaves of the processors (SCHED_IDLE, sched(7)): seven senders on a machine of
two cores would measure how the system shares those out. With the usual priority, and also with a nice value of 10, each
wake-up of the main thread waited up to 4 ms for a sender's turn to end, and a long gap has ten of them. Nothing is
subtracted from the gaps for it. Memory and its locks, the interpreter's lock and the session's two threads are not
helped by it.
"""

from __future__ import annotations

import json
import math
import os
import random
import socket
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from session import in_rounds

from hdaemon.client import Client

SHARES = {"lines": 0.2, "bursts": 0.1, "small": 0.05, "tcp": 0.25, "shared": 0.25, "websocket": 0.05, "mesh": 0.1}
"""What part of all bytes each door is meant to carry."""

LARGEST = 500_000_000
RAW_LARGEST = 60_000_000  # below `max_raw_message_bytes`
WEBSOCKET_LARGEST = 60_000_000
ECHO_LARGEST = 2_000_000
SMALL_LARGEST = 4096
LONG_LINE = 1024 * 1024  # of the raw door: shorter lines are counted with their ends, as blocks of them are kept
TOLD_BYTES = 8_000_000
"""When a message of so many bytes or more was under way is told: a gap of the main thread may be its doing."""

TIMEOUT_S = 60.0
_ECHO_WINDOW = 16_000_000  # what the subscriber may be behind: far below `max_queued_bytes`

_MESH_BYTES = 32  # of a point, and of the quad that it has on the average


class Sizes:
    """The sizes of a door's messages, until it has sent what it should."""

    def __init__(self, seed: str, largest: int, first: int = 0) -> None:
        self._random, self._largest, self._first = random.Random(seed), largest, first
        self._sent = 0

    def until(self, target: float) -> Iterator[int]:
        """Yield sizes until `target` bytes have been sent since the start."""
        while self._sent < target:
            size, self._first = self._first or self.draw(), 0
            self._sent += size
            yield size

    def draw(self) -> int:
        """Return a size."""
        return max(1, round(math.exp(self._random.uniform(0.0, math.log(self._largest)))))


class Door:
    """One way of sending.

    Attributes:
        counts: messages and bytes of each channel. large: when large messages went, and their sizes.
    """

    def __init__(self, name: str, port: int, seed: str) -> None:
        self.name, self.port, self.seed = name, port, f"{seed} {name}"
        self.counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self.large: list[tuple[float, float, int]] = []
        self.send_until: Callable[[float], object] = getattr(self, name)()

    def round(self, target: str) -> tuple[str]:
        """Send until `target` bytes were sent; return what was sent, as JSON."""
        self.large.clear()
        self.send_until(float(target))
        return (json.dumps({"counts": self.counts, "large": self.large}, separators=(",", ":")),)

    def sent(self, channel: str, size: int, began: float, count: int = 1) -> None:
        """Count what was sent."""
        self.counts[channel][0] += count
        self.counts[channel][1] += size
        if size >= TOLD_BYTES:
            self.large.append((began, time.monotonic(), size))

    # -- the raw door -----------------------------------------------------------------------------------

    def lines(self) -> Callable[[float], None]:
        """Lines, many in one call, and now and then a large one."""
        sock = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)
        short, long = Sizes(self.seed, SMALL_LARGEST), Sizes(self.seed + " long", RAW_LARGEST)
        text = b"raw line " * (RAW_LARGEST // 9 + 1)

        def send_until(target: float) -> None:
            many: list[bytes] = []
            held = 0
            for size in short.until(target * 0.6):
                many.append(text[: size - 1] + b"\n")
                held += size
                if held > 200_000:
                    sock.sendall(b"".join(many))
                    self.sent("default", held, 0.0, len(many))
                    many, held = [], 0
            sock.sendall(b"".join(many))
            self.sent("default", held, 0.0, len(many))
            for size in long.until(target * 0.4):
                began = time.monotonic()
                sock.sendall(memoryview(text)[: size - 1])
                sock.sendall(b"\n")
                # A line that is a message by itself is counted without its end, as all messages are.
                self.sent("default", size - (size > LONG_LINE), began)

        return send_until

    def bursts(self) -> Callable[[float], None]:
        """A connection for each message, which has no end but the connection's: what the original's clients do."""
        sizes, data = Sizes(self.seed, RAW_LARGEST), b"\xff" + bytes(RAW_LARGEST)

        def send_until(target: float) -> None:
            for size in sizes.until(target):
                began = time.monotonic()
                with socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S) as sock:
                    sock.sendall(memoryview(data)[:size])
                    sock.shutdown(socket.SHUT_WR)
                    assert not sock.recv(1), "a burst was answered"
                self.sent("default", size, began)

        return send_until

    # -- HTTP -------------------------------------------------------------------------------------------

    def small(self) -> Callable[[float], None]:
        """Small messages, pipelined: in batches, one by one, and text, bytes and JSON in turn."""
        client, sizes = Client(port=self.port, timeout_s=TIMEOUT_S), Sizes(self.seed, SMALL_LARGEST)
        text = "x" * SMALL_LARGEST

        def send_until(target: float) -> None:
            drawn = list(sizes.until(target))
            for begin in range(0, len(drawn), 1000):
                some, channel = drawn[begin : begin + 1000], f"soak/small/{begin // 1000 % 3}"
                if begin // 1000 % 2:
                    with client.batch():
                        for size in some:
                            client.send(text[:size], channel)
                else:
                    for size in some:
                        client.send(text[:size].encode(), channel)
                assert client.flush().count == len(some)
                self.sent(channel, sum(some), 0.0, len(some))

        return send_until

    def tcp(self) -> Callable[[float], None]:
        """Bodies of every size by TCP."""
        return self._bodies(shared_memory=False)

    def shared(self) -> Callable[[float], None]:
        """Bodies of every size, the large ones by shared memory where the server offers it."""
        return self._bodies(shared_memory=True)

    def _bodies(self, *, shared_memory: bool) -> Callable[[float], None]:
        client = Client(port=self.port, timeout_s=TIMEOUT_S, shared_memory=shared_memory)
        sizes, zeros, channel = Sizes(self.seed, LARGEST, LARGEST), bytearray(LARGEST), f"soak/{self.name}"

        def send_until(target: float) -> None:
            for size in sizes.until(target):
                began = time.monotonic()
                client.send(memoryview(zeros)[:size], channel)
                self.sent(channel, size, began)
            client.flush()

        return send_until

    def mesh(self) -> Callable[[float], None]:
        """Meshes of quads: positions, counts and indices."""
        import numpy

        client = Client(port=self.port, timeout_s=TIMEOUT_S)
        sizes, most = Sizes(self.seed, LARGEST), LARGEST // _MESH_BYTES
        points = numpy.zeros((most, 3), numpy.float32)
        counts, indices = numpy.full(most, 4, numpy.int32), numpy.zeros(4 * most, numpy.int32)

        def send_until(target: float) -> None:
            for size in sizes.until(target):
                began, count = time.monotonic(), max(4, size // _MESH_BYTES)
                ack = client.send_mesh(points[:count], counts[:count], indices[: 4 * count], "soak/mesh")
                self.sent("soak/mesh", ack._size, began)
            client.flush()

        return send_until

    # -- WebSocket --------------------------------------------------------------------------------------

    def websocket(self) -> Callable[[float], None]:
        """Two publishers; a subscriber must be sent all that the first of them has published, unchanged."""
        client = Client(port=self.port, timeout_s=TIMEOUT_S)
        echoed, others = Sizes(self.seed, ECHO_LARGEST), Sizes(self.seed + " others", WEBSOCKET_LARGEST)
        data = random.Random(self.seed).randbytes(ECHO_LARGEST) + bytes(WEBSOCKET_LARGEST)

        def send_until(target: float) -> None:
            with client.subscribe("soak/echo") as heard, self._publisher("soak/echo") as echo:
                waiting: list[tuple[int, int]] = []
                mark = b"round " + str(time.monotonic_ns()).encode()  # what was stored before comes first
                self._publish(echo, "soak/echo", mark)
                while bytes(heard.receive(TIMEOUT_S).payload) != mark:
                    pass
                for size in echoed.until(target * 0.5):
                    began = random.randrange(1000)
                    self._publish(echo, "soak/echo", payload := data[began : began + size])
                    waiting.append((len(payload), crc32(payload)))
                    if sum(size for size, _ in waiting) > _ECHO_WINDOW:
                        self._heard(heard, waiting)
                self._heard(heard, waiting)
            with self._publisher("soak/websocket") as sock:
                for size in others.until(target * 0.5):
                    self._publish(sock, "soak/websocket", memoryview(data)[:size])

        return send_until

    def _heard(self, heard, waiting: list[tuple[int, int]]) -> None:
        for size, checksum in waiting:
            payload = heard.receive(TIMEOUT_S).payload
            assert (len(payload), crc32(payload)) == (size, checksum), "the subscriber was sent something else"
        waiting.clear()

    def _publisher(self, channel: str) -> socket.socket:
        """Return a WebSocket that is open (RFC 6455, 4.1)."""
        sock = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)
        sock.sendall(
            f"GET /channels/{channel} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += sock.recv(1)
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        return sock

    def _publish(self, sock: socket.socket, channel: str, payload: bytes | memoryview) -> None:
        """Send a binary message, masked with zeros, which changes nothing of it (RFC 6455, 5.2 and 5.3)."""
        size, began = len(payload), time.monotonic()
        length = bytes((0x80 | size,)) if size < 126 else (b"\xfe" if size < 65536 else b"\xff")
        length += b"" if size < 126 else struct.pack("!H" if size < 65536 else "!Q", size)
        sock.sendall(b"\x82" + length + bytes(4))
        sock.sendall(payload)
        self.sent(channel, size, began)


if __name__ == "__main__":
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    in_rounds(Door(sys.argv[1], int(sys.argv[2]), sys.argv[3]).round)
