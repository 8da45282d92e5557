"""Large arrays, from the sender's call until `message.data` can be read in a session whose panel is open.

By hdaemon's client library, plain sockets, ZeroMQ (pyzmq) and RPyC. One process sends by all of these in turn, over
connections that stay; the contents change each time and are random numbers, which do not compress. A round ends when a
thread of the session has looked at the last value of the array. While the main thread cooks (Python without pause), it
is itself who looks, whenever its loop comes round.

- hdaemon: as it comes on Linux, which is by shared memory for messages of this size; and by TCP.
- plain: `recv_into` a warm buffer: the limit, but for what a program would then do with the only buffer. Twice: as the
  system has connections, and where it paces all (Linux with BBR) also not paced, as those of hdaemon inside a machine.
- pyzmq: PUSH and PULL, ``copy=False`` on both sides, a thread receives.
- RPyC as it comes: `rpyc.classic.deliver`, as Houdini's hrpyc has it. Tuned: the bytes as the argument of one call,
  TCP_NODELAY, no compression, large chunks.
"""

from __future__ import annotations

import socket
import statistics
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from figure import Figure, interleaved, spread
from session import ROUND_S, Sender, Session, in_rounds, python_cook

from hdaemon.server.listener import NO_PACING
from hdaemon.server.shared import OFFERED

CHANNEL = "bench/array"
WARM_UP = 3
TCP, SHARED = "TCP", "shared"
OURS = (SHARED, TCP) if OFFERED else (TCP,)


def _paces() -> bool:
    """Return whether the system paces connections that do not say otherwise."""
    if not hasattr(socket, "TCP_CONGESTION"):
        return False
    with socket.socket() as sock:
        return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).startswith(b"bbr")


PACES = _paces()

Way = Callable[[], Any]


# -- the sender, a process of its own ----------------------------------------------------------------------------------


def send(megabytes: str, *ports: str) -> None:
    """Send an array by the way that is named, each round."""
    hdaemon_port, plain_port, zmq_port, rpyc_port = map(int, ports)
    import zmq

    from hdaemon.client import Client

    source = np.random.default_rng(1).random(int(float(megabytes) * 1e6) // 4, np.float32)
    array = source.copy()
    as_it_comes, by_tcp = Client("127.0.0.1", hdaemon_port), Client("127.0.0.1", hdaemon_port, shared_memory=False)
    plain, unpaced = (socket.create_connection(("127.0.0.1", plain_port)) for _ in range(2))
    if PACES:
        unpaced.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, NO_PACING)
    push = zmq.Context().socket(zmq.PUSH)
    push.connect(f"tcp://127.0.0.1:{zmq_port}")
    ways: dict[str, Callable[[], object]] = {
        SHARED: lambda: as_it_comes.send(array, CHANNEL),
        TCP: lambda: by_tcp.send(array, CHANNEL),
        "plain": lambda: plain.sendall(array.data.cast("B")),
        "unpaced": lambda: unpaced.sendall(array.data.cast("B")),
        "pyzmq": lambda: push.send(array.data, copy=False, track=True).wait(ROUND_S),
    }
    if rpyc_port:
        ways |= _by_rpyc(rpyc_port, array)

    def one_round(way: str, number: str) -> tuple[object, ...]:
        np.multiply(source, 1 + int(number) / 1000, out=array)
        array[-1] = int(number)
        began = time.monotonic()
        ways[way]()
        return (began,)

    in_rounds(one_round)


def _by_rpyc(port: int, array: Any) -> dict[str, Callable[[], object]]:
    import rpyc
    from rpyc.core.stream import SocketStream

    plain = rpyc.classic.connect("127.0.0.1", port)
    tuned = rpyc.classic.connect_stream(SocketStream.connect("127.0.0.1", port, nodelay=True))
    tuned._channel.compress = False
    for connection in (plain, tuned):
        connection._config["sync_request_timeout"] = ROUND_S
    chunk = SocketStream.MAX_IO_CHUNK

    def as_it_comes() -> None:
        SocketStream.MAX_IO_CHUNK = chunk
        plain.root.take(rpyc.classic.deliver(plain, array))

    def in_one_call() -> None:
        SocketStream.MAX_IO_CHUNK = 1 << 30  # it copies what is left after each chunk of 64 kB
        tuned.root.take_bytes(array.tobytes())

    return {"RPyC": as_it_comes, "RPyC_tuned": in_one_call}


# -- the session -------------------------------------------------------------------------------------------------------


class Receivers:
    """What listens in the session. Each way is a function that waits for one array and returns it."""

    def __init__(self, session: Session, megabytes: float, with_rpyc: bool) -> None:
        import zmq

        import hdaemon

        self.session = session
        self.queue = hdaemon.queue(CHANNEL, maxlen=2)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._peers: dict[str, socket.socket] = {}
        # Its pages are there: the limit is the kernel's copy.
        self._buffer = np.ones(int(megabytes * 1e6) // 4, np.float32)
        self._context = zmq.Context()
        self._pull = self._context.socket(zmq.PULL)
        self._pull.setsockopt(zmq.RCVTIMEO, int(ROUND_S * 1000))
        self._arrived: deque[Any] = deque()
        self._rpyc: Any = None
        zmq_port = self._pull.bind_to_random_port("tcp://127.0.0.1")
        ports = (session.server.port, self._listener.getsockname()[1], zmq_port, self._start_rpyc() if with_rpyc else 0)
        self.sender = Sender(__file__, str(megabytes), *map(str, ports))
        self.ways: dict[str, Way] = {
            TCP: self._hdaemon,
            SHARED: self._hdaemon,
            "plain": lambda: self._plain("plain"),
            "unpaced": lambda: self._plain("unpaced"),
            "pyzmq": self._pyzmq,
        }
        if with_rpyc:
            self.ways |= {"RPyC": self._by_rpyc, "RPyC tuned": self._by_rpyc}
        self._number = 0

    def _start_rpyc(self) -> int:
        import rpyc
        from rpyc.utils.server import ThreadedServer

        arrived = self._arrived

        class Service(rpyc.classic.SlaveService):  # type: ignore[misc, name-defined, unused-ignore]
            def take(self, array: Any) -> None:
                arrived.append((time.monotonic(), array))

            def take_bytes(self, data: bytes) -> None:
                arrived.append((time.monotonic(), np.frombuffer(data, np.float32)))

        self._rpyc = ThreadedServer(Service, hostname="127.0.0.1", port=0)
        threading.Thread(target=self._rpyc.start, name="bench rpyc", daemon=True).start()
        return int(self._rpyc.port)

    def _hdaemon(self) -> Any:
        message = self.queue.take(ROUND_S)
        assert message is not None, f"no message in {ROUND_S:g} s"
        return message.data

    def _plain(self, way: str) -> Any:
        if not self._peers:
            self._listener.settimeout(10)
            self._peers = {each: self._listener.accept()[0] for each in ("plain", "unpaced")}
            for peer in self._peers.values():
                # Not settimeout(): Python would ask before each receive whether there is something.
                peer.settimeout(None)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(ROUND_S), 0))
        left = self._buffer.data.cast("B")
        while left:
            count = self._peers[way].recv_into(left)
            assert count, "the sender closed the connection"
            left = left[count:]
        return self._buffer

    def _pyzmq(self) -> Any:
        return np.frombuffer(self._pull.recv(copy=False).buffer, np.float32)

    def _by_rpyc(self) -> Any:
        raise AssertionError("its server has a thread of its own")

    def round(self, way: str, cook: bool) -> float:
        """Do a round; return how long it took, in seconds."""
        self._number += 1
        self._arrived.clear()
        found: list[tuple[float, float, int]] = []

        def look(array: Any, at: float | None = None) -> None:
            last = float(array[-1])
            found.append((at or time.monotonic(), last, array.nbytes))

        def wait() -> None:
            array = self.ways[way]()
            if cook:
                self._arrived.append(array)
            else:
                look(array)

        thread = None
        if not way.startswith("RPyC") and not (cook and way in OURS):
            thread = threading.Thread(target=wait, name=f"bench {way}")
            thread.start()
        self.sender.begin(f"{way.replace(' ', '_')} {self._number}")
        if cook:
            arrived = self.queue.__len__ if way in OURS else self._arrived.__len__
            self.session.until(lambda: arrived() > 0, cook=python_cook)
            look(self._hdaemon() if way in OURS else self._arrived.popleft())
        elif thread is None:
            self.session.until(lambda: bool(self._arrived))
            at, array = self._arrived.popleft()
            look(array, at)
        self.session.until(lambda: self.sender.done and (thread is None or not thread.is_alive()))
        began = float(self.sender.told()[0])
        at, last, size = found[0]
        assert (last, size) == (self._number, self._buffer.nbytes), "what arrived is not what was sent"
        return at - began

    def measure(self, ways: tuple[str, ...], rounds: int, cook: bool = False) -> dict[str, list[float]]:
        """Take turns; return the milliseconds of each round, but for those that warm up."""
        each = {way: lambda way=way: self.round(way, cook) * 1000 for way in ways}
        return interleaved(each, rounds, WARM_UP)

    def close(self) -> None:
        """End everything."""
        self.queue.close()
        self.sender.close()
        self._pull.close(0)
        self._context.term()
        self._listener.close()
        for peer in self._peers.values():
            peer.close()
        if self._rpyc is not None:
            self._rpyc.close()


def peak_memory(receivers: Receivers) -> float:
    """Return how much memory the session takes more while its first array comes, over the size of the array."""
    import psutil

    process = psutil.Process()
    base, peak, over = process.memory_info().rss, [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss - base)

    watcher = threading.Thread(target=watch, name="bench memory")
    watcher.start()
    try:
        receivers.round(TCP, cook=False)
    finally:
        over.set()
        watcher.join()
    return peak[0] / receivers._buffer.nbytes


# must and want, by what is measured: against plain sockets, against pyzmq, and against pyzmq while the session cooks.
_LIMITS = {"small": ((0.95, 1.3), (1.1, 1.4), (1.3, 1.9)), "large": ((0.95, 1.3), (1.5, 2.3), (1.3, 1.9))}


def figures(short: bool) -> Iterator[Figure]:
    """Yield the rows."""
    for kind, megabytes, rounds in (("large", 64 if short else 256, 7), ("small", 12, 7 if short else 31)):
        with Session() as session:
            receivers = Receivers(session, megabytes, with_rpyc=kind == "small")
            try:
                yield from _of_size(receivers, kind, megabytes, rounds)
            finally:
                receivers.close()


def _of_size(receivers: Receivers, kind: str, megabytes: int, rounds: int) -> Iterator[Figure]:
    work = f"{megabytes} MB array to message.data"
    if kind == "large":
        more = peak_memory(receivers)
        yield Figure(f"{work}, TCP: memory meanwhile", more, "of its size", value=more, must=1.2, better="less")
    # The log as it is after a while: full, so that an old payload goes for each new one.
    for _ in range(int(receivers.session.server.limits.log_payload_bytes / (megabytes * 1e6)) + 2):
        for way in OURS:
            receivers.round(way, cook=False)
    against_plain, against_zmq, cooking = _LIMITS[kind]
    unpaced = ("unpaced",) if PACES else ()
    times = receivers.measure((*OURS, "plain", *unpaced, "pyzmq"), rounds)
    yield from _ratios(work, times, "plain", "recv_into a ready buffer", against_plain)
    for way in unpaced:
        yield from _ratios(work, times, way, "recv_into a ready buffer, not paced", against_plain)
    yield from _ratios(work, times, "pyzmq", "pyzmq PUSH/PULL", against_zmq)
    times = receivers.measure((*OURS, "pyzmq"), rounds, cook=True)
    yield from _ratios(f"{work}, while Python runs without pause", times, "pyzmq", "pyzmq PUSH/PULL", cooking)
    if "RPyC" in receivers.ways:
        times = receivers.measure((*OURS, "RPyC"), 3)  # half a second each
        yield from _ratios(work, times, "RPyC", "RPyC as it comes", (50, 100))
        times = receivers.measure((*OURS, "RPyC tuned"), 7)
        yield from _ratios(work, times, "RPyC tuned", "RPyC tuned", (12, 20))


_WORDS = {TCP: "TCP", SHARED: "shared memory"}


def _ratios(
    work: str, times: dict[str, list[float]], way: str, name: str, limits: tuple[float, float]
) -> Iterator[Figure]:
    """Yield a row for each of our ways."""
    theirs = statistics.median(times[way])
    for each in OURS:
        ours = statistics.median(times[each])
        note = f"ms, {spread(times[each])}; {name} {spread(times[way])}"
        yield Figure(f"{work}, {_WORDS[each]}", ours, "ms", name, theirs, theirs / ours, *limits, note=note)


if __name__ == "__main__":
    send(*sys.argv[1:])
