"""A mesh from another program's arrays to bgeo ready for a node: hdaemon, a .bgeo file, and RPyC (Houdini's hrpyc).

``python bench/mesh.py [--side 1000] [--rounds 9] [--rpyc-rounds 3] [--winding clockwise]`` prints the stages too.

A grid of quads, normals on its points, uv on its vertices, deformed before each round. The sender is a process of its
own and says when it began (the monotonic clock is one for all processes). A round ends when the bytes that
`hou.Geometry.load()` takes lie in the session's memory. Rounds are interleaved, their medians compared.

- hdaemon: `Client.send_mesh`, as it comes on Linux (by shared memory for messages of this size), and by TCP. The panel
  is open, and a receiver's worker thread decodes, checks and writes bgeo.
- file: hdaemon's own writer in the sender, over the same file in the folder for temporary files, as warm as the system
  leaves it; a thread of the session waits for the word that it is written, which comes by a pipe, and reads it at once.
- RPyC as it comes: each array by `rpyc.classic.deliver` into the session, which writes bgeo. Tuned: their bytes as
  arguments of one call, TCP_NODELAY, no compression, large chunks.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from bgeo import grid
from figure import Figure, interleaved, spread
from session import ROUND_S, Sender, Session, in_rounds

from hdaemon.content import bgeo
from hdaemon.content.mesh import Mesh
from hdaemon.server.shared import OFFERED

CHANNEL = "bench"
WARM_UP = 3
"""Rounds that do not count: buffers are new in them."""

TCP, SHARED, FILE, RPYC, TUNED = "TCP", "shared", "file", "RPyC", "RPyC_tuned"
OURS = (SHARED, TCP) if OFFERED else (TCP,)
NAMES = ("points", "counts", "indices", "N", "uv")

Arrays = dict[str, Any]
Stages = dict[str, float]
"""Seconds from the sender's call to the end of each stage."""


# -- the sender, a process of its own ----------------------------------------------------------------------------------


def send(side: str, winding: str, path: str, port: str, rpyc_port: str) -> None:
    """Send the mesh by the way that is named, each round; say when it began, and when its stages ended."""
    mesh = grid(int(side), winding=winding)
    arrays: Arrays = {
        "points": mesh.points.copy(),
        "counts": mesh.counts.copy(),
        "indices": mesh.indices.copy(),
        "N": np.array(mesh.point["N"]),
        "uv": np.array(mesh.vertex["uv"]),
    }
    ways = {
        SHARED: _by_hdaemon(int(port), winding, shared_memory=None),
        TCP: _by_hdaemon(int(port), winding, shared_memory=False),
        FILE: _by_file(Path(path), winding),
    }
    if int(rpyc_port):
        ways |= _by_rpyc(int(rpyc_port), winding)

    def one_round(way: str, number: str) -> tuple[object, ...]:
        arrays["points"][:, 1] = np.sin(arrays["points"][:, 0] * 7 + int(number))
        began = time.monotonic()
        return began, *ways[way](arrays)

    in_rounds(one_round)


def _by_hdaemon(port: int, winding: str, shared_memory: bool | None) -> Any:
    from hdaemon.client import Client

    class Timed(Client):
        encoded_at = 0.0

        def _publish(self, *args: Any, **kwargs: Any) -> Any:
            self.encoded_at = time.monotonic()
            return super()._publish(*args, **kwargs)

    more: dict[str, Any] = {} if shared_memory is None else {"shared_memory": shared_memory}
    client = Timed("127.0.0.1", port, **more)

    def by_client(arrays: Arrays) -> tuple[float, ...]:
        points, counts, indices, normals, uv = (arrays[name] for name in NAMES)
        client.send_mesh(points, counts, indices, CHANNEL, point={"N": normals}, vertex={"uv": uv}, winding=winding)
        return client.encoded_at, time.monotonic()

    return by_client


def _by_file(path: Path, winding: str) -> Any:
    def by_file(arrays: Arrays) -> tuple[float, ...]:
        parts = bgeo.write_parts(_mesh(arrays, winding), bounds=False)
        encoded = time.monotonic()
        with path.open("wb") as file:
            for part in parts:
                file.write(part)
        return encoded, time.monotonic()

    return by_file


def _by_rpyc(port: int, winding: str) -> dict[str, Any]:
    import rpyc
    from rpyc.core.stream import SocketStream

    plain = rpyc.classic.connect("127.0.0.1", port)
    tuned = rpyc.classic.connect_stream(SocketStream.connect("127.0.0.1", port, nodelay=True))
    tuned._channel.compress = False
    for connection in (plain, tuned):
        connection._config["sync_request_timeout"] = ROUND_S
    chunk = SocketStream.MAX_IO_CHUNK

    def as_it_comes(arrays: Arrays) -> tuple[float, ...]:
        SocketStream.MAX_IO_CHUNK = chunk
        plain.root.take([rpyc.classic.deliver(plain, arrays[name]) for name in NAMES], winding)
        return ()

    def in_one_call(arrays: Arrays) -> tuple[float, ...]:
        SocketStream.MAX_IO_CHUNK = 1 << 30  # it copies what is left after each chunk of 64 kB: 24 s for this mesh
        parts = [(arrays[name].tobytes(), arrays[name].dtype.str, arrays[name].shape) for name in NAMES]
        tuned.root.take_bytes(tuple(parts), winding)
        return ()

    return {RPYC: as_it_comes, TUNED: in_one_call}


def _mesh(arrays: Arrays, winding: str) -> Mesh:
    points, counts, indices, normals, uv = (arrays[name] for name in NAMES)
    return Mesh(points, counts, indices, point={"N": normals}, vertex={"uv": uv}, winding=winding)


# -- the session -------------------------------------------------------------------------------------------------------


class Receivers:
    """What receives in the session: a receiver's worker, a thread that reads files, an RPyC server."""

    def __init__(self, session: Session, side: int, winding: str, path: Path, with_rpyc: bool) -> None:
        from hdaemon.houdini.from_message import AS_SENT
        from hdaemon.houdini.worker import Worker

        self.session, self.path = session, path
        self._ready = threading.Event()
        self._ready_at, self._stored_at = 0.0, 0.0
        self._key, self._worker = (CHANNEL, AS_SENT), Worker()
        self._rpyc: Any = None
        self._worker.on_ready = self._on_ready
        rpyc_port = self._start_rpyc() if with_rpyc else 0
        ports = str(session.server.port), str(rpyc_port)
        self.sender = Sender(__file__, "--send", str(side), winding, str(path), *ports)
        self._number = 0
        self._bytes = 0
        self._worker.want(self._key)

    def _on_ready(self) -> None:
        self._ready_at = time.monotonic()
        self._ready.set()

    def _start_rpyc(self) -> int:
        """Start an RPyC server on a thread of this program, as hrpyc does; return its port."""
        import rpyc
        from rpyc.utils.server import ThreadedServer

        made = self._made

        class Service(rpyc.classic.SlaveService):  # type: ignore[misc, name-defined, unused-ignore]
            def take(self, there: list[Any], winding: str) -> None:
                made([there[number] for number in range(len(NAMES))], winding)

            def take_bytes(self, parts: tuple[tuple[bytes, str, tuple[int, ...]], ...], winding: str) -> None:
                made([np.frombuffer(*part[:2]).reshape(part[2]) for part in parts], winding)

        self._rpyc = ThreadedServer(Service, hostname="127.0.0.1", port=0)
        threading.Thread(target=self._rpyc.start, name="bench rpyc", daemon=True).start()
        return int(self._rpyc.port)

    def _made(self, arrays: list[Any], winding: str) -> None:
        mesh = _mesh(dict(zip(NAMES, arrays, strict=True)), winding)
        self._check(bgeo.write(mesh))
        self._on_ready()

    def _check(self, data: bytes) -> None:
        assert len(data) >= self._bytes, "what arrived is not what was sent"
        self._bytes = len(data) - 256  # a head with bounds is longer by a few bytes

    def round(self, way: str) -> Stages:
        """Do a round; return when its stages ended."""
        self._number += 1
        self._ready.clear()
        told: list[str] = []

        def read() -> None:
            told.extend(self.sender.told())
            data = self.path.read_bytes()
            self._on_ready()
            self._check(data)

        thread = threading.Thread(target=read, name="bench file") if way == FILE else None
        if thread is not None:
            thread.start()
        self.sender.begin(f"{way} {self._number}")
        self.session.until(self._ready.is_set)
        if thread is not None:
            thread.join()
        else:
            told += self.sender.told()
        if way in OURS:
            found = self._worker.ready(self._key)
            assert found is not None
            assert found.error is None, found.error
            self._check(found.bgeo)
        began, *stages = map(float, told)
        names = ("arrays checked", "written" if way == FILE else "acknowledged")
        return dict(zip(names, (at - began for at in stages), strict=False)) | {"ready": self._ready_at - began}

    def measure(self, ways: tuple[str, ...], rounds: int) -> dict[str, list[Stages]]:
        """Take turns; return the stages of each round, but for those that warm up."""
        return interleaved({way: lambda way=way: self.round(way) for way in ways}, rounds, WARM_UP)

    def close(self) -> None:
        """End everything."""
        self.sender.close()
        self._worker.stop()
        if self._rpyc is not None:
            self._rpyc.close()


def measured(side: int, winding: str, rounds: int, rpyc_rounds: int) -> Iterator[dict[str, list[Stages]]]:
    """Yield what was measured together: hdaemon and the file, hdaemon and RPyC."""
    with_rpyc = bool(rpyc_rounds) and importlib.util.find_spec("rpyc") is not None
    with tempfile.TemporaryDirectory(prefix="hdaemon-bench-") as folder, Session() as session:
        receivers = Receivers(session, side, winding, Path(folder, "mesh.bgeo"), with_rpyc)
        try:
            yield receivers.measure((*OURS, FILE), rounds)
            if with_rpyc:
                yield receivers.measure((*OURS, RPYC, TUNED), rpyc_rounds)
        finally:
            receivers.close()


_PEERS = {
    FILE: (".bgeo file written and read back", 2.0, 4.0),
    RPYC: ("RPyC as it comes", 5.0, 10.0),
    TUNED: ("RPyC tuned", 2.0, 4.0),
}
_WORDS = {TCP: "TCP", SHARED: "shared memory"}


def figures(short: bool) -> Iterator[Figure]:
    """Yield the rows."""
    side = 1000
    for found in measured(side, "clockwise", 7 if short else 15, 1 if short else 3):
        times = {way: [stages["ready"] * 1000 for stages in all_] for way, all_ in found.items()}
        for peer in (peer for peer in _PEERS if peer in times):  # in their order
            name, must, want = _PEERS[peer]
            theirs = statistics.median(times[peer])
            for way in OURS:
                ours = statistics.median(times[way])
                yield Figure(
                    f"{side**2:,} point quad mesh to bgeo for a node, {_WORDS[way]}",
                    ours,
                    "ms",
                    name,
                    theirs,
                    theirs / ours,
                    must,
                    want,
                    note=f"ms, {spread(times[way])}; {name} {spread(times[peer])}",
                )


def main(argv: list[str]) -> int:
    """Print each way's stages; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rpyc-rounds", type=int, default=3)
    parser.add_argument("--winding", choices=("clockwise", "counterclockwise"), default="clockwise")
    args = parser.parse_args(argv)
    print(f"{args.side**2:,} points, {(args.side - 1) ** 2:,} quads, {args.winding}; medians, ms")
    for found in measured(args.side, args.winding, args.rounds, args.rpyc_rounds):
        middle = {
            way: {name: statistics.median(stages[name] for stages in all_) * 1000 for name in all_[0]}
            for way, all_ in found.items()
        }
        for way, stages in middle.items():
            print(f"{way:12} " + ", ".join(f"{name} {took:.1f}" for name, took in stages.items()))
        for peer in (way for way in middle if way not in OURS):
            for way in OURS:
                print(f"{way} is {middle[peer]['ready'] / middle[way]['ready']:.2f} times as fast as {peer}")
    return 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        send(*sys.argv[2:])
    else:
        sys.exit(main(sys.argv[1:]))
