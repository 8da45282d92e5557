"""A mesh from another program's arrays to bgeo ready for a node: hdaemon, a .bgeo file, and RPyC (Houdini's hrpyc).

``QT_QPA_PLATFORM=offscreen python bench/mesh.py [--side 1000] [--rounds 9] [--rpyc-rounds 3] [--winding clockwise]``

A grid of quads, normals on its points, uv on its vertices, deformed before each round. Each sender is a process of its
own and says when it began (the monotonic clock is one for all processes). A round ends when the bytes that
`hou.Geometry.load()` takes lie in the session's memory. Rounds are interleaved, their medians compared.

- hdaemon: `Client.send_mesh`; the panel is open, a receiver's worker thread decodes and writes bgeo.
- file: hdaemon's own writer in the sender, over the same file in the folder for temporary files, as warm as the system
  leaves it; the session is told at once, by a pipe, and reads it.
- RPyC as it comes: each array by `rpyc.classic.deliver` into the session, which writes bgeo. Tuned: their bytes as
  arguments of one call, TCP_NODELAY, no compression, large chunks. What would take longer than 20 s a round gets a
  smaller mesh.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bgeo import grid  # beside this file

from hdaemon.consumers import Queue
from hdaemon.content import bgeo
from hdaemon.content.mesh import Mesh

ROUND_S = 60.0
RPYC_ROUND_S = 20.0
NAMES = ("points", "counts", "indices", "N", "uv")

Arrays = dict[str, Any]


# -- senders: processes of their own ---------------------------------------------------------------------------------


def as_sender(kind: str, where: str, side: int, winding: str) -> None:
    """Do a round for each line of standard input, and print when it began; before the first, say that all is ready."""
    mesh = grid(side, winding=winding)
    arrays: Arrays = {
        "points": mesh.points.copy(),
        "counts": mesh.counts.copy(),
        "indices": mesh.indices.copy(),
        "N": mesh.point["N"].copy(),
        "uv": mesh.vertex["uv"].copy(),
    }
    send = {"hdaemon": _by_hdaemon, "file": _by_file, "rpyc": _by_rpyc, "rpyc tuned": _by_rpyc_tuned}[kind](
        where, winding
    )
    print("ready", flush=True)
    for number, _ in enumerate(sys.stdin):
        arrays["points"][:, 1] = np.sin(arrays["points"][:, 0] * 7 + number)
        began = time.monotonic()
        said = send(arrays)
        print(began, said, flush=True)


def _by_hdaemon(where: str, winding: str) -> Callable[[Arrays], str]:
    from hdaemon.client import Client

    class Timed(Client):
        encoded_at = 0.0

        def _publish(self, *args: Any, **kwargs: Any) -> Any:
            self.encoded_at = time.monotonic()
            return super()._publish(*args, **kwargs)

    client = Timed("127.0.0.1", int(where))

    def send(arrays: Arrays) -> str:
        points, counts, indices, normals, uv = (arrays[name] for name in NAMES)
        client.send_mesh(points, counts, indices, "bench", point={"N": normals}, vertex={"uv": uv}, winding=winding)
        return f"{client.encoded_at} {time.monotonic()}"

    return send


def _by_file(where: str, winding: str) -> Callable[[Arrays], str]:
    path = Path(where, "mesh.bgeo")

    def send(arrays: Arrays) -> str:
        with path.open("wb") as file:
            for part in bgeo.write_parts(_mesh(arrays, winding)):
                file.write(part)
        return str(path)

    return send


def _by_rpyc(where: str, winding: str) -> Callable[[Arrays], str]:
    import rpyc

    connection = rpyc.classic.connect("127.0.0.1", int(where))
    connection._config["sync_request_timeout"] = ROUND_S

    def send(arrays: Arrays) -> str:
        there = [rpyc.classic.deliver(connection, arrays[name]) for name in NAMES]
        return str(connection.root.take(there, winding))

    return send


def _by_rpyc_tuned(where: str, winding: str) -> Callable[[Arrays], str]:
    import rpyc
    from rpyc.core.stream import SocketStream

    SocketStream.MAX_IO_CHUNK = 1 << 30  # it copies what is left after each chunk of 64 kB: 24 s for this mesh
    connection = rpyc.classic.connect_stream(SocketStream.connect("127.0.0.1", int(where), nodelay=True))
    connection._channel.compress = False
    connection._config["sync_request_timeout"] = ROUND_S

    def send(arrays: Arrays) -> str:
        parts = [(arrays[name].tobytes(), arrays[name].dtype.str, arrays[name].shape) for name in NAMES]
        return str(connection.root.take_bytes(tuple(parts), winding))

    return send


def _mesh(arrays: Arrays, winding: str) -> Mesh:
    points, counts, indices, normals, uv = (arrays[name] for name in NAMES)
    return Mesh(points, counts, indices, point={"N": normals}, vertex={"uv": uv}, winding=winding)


class Sender:
    """A sending process, and how long its rounds took."""

    def __init__(self, kind: str, where: str, args: argparse.Namespace, side: int) -> None:
        command = [sys.executable, __file__, "--sender", kind, "--where", where, "--side", str(side)]
        self.kind, self.side = kind, side
        self.seconds: list[float] = []
        self.process = subprocess.Popen(
            [*command, "--winding", args.winding], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError(f"the sender {kind!r} did not start; its error is above")

    def begin(self) -> None:
        """Have it do a round."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def told(self) -> tuple[float, str]:
        """Return when it began, and what else it says, after it is done."""
        assert self.process.stdout is not None
        began, _, said = self.process.stdout.readline().partition(" ")
        return float(began), said.strip()

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.communicate(timeout=10)


# -- the session: a Qt program with its panel open ---------------------------------------------------------------------


class Session:
    """What receives: a server with a live panel and a receiver's worker, a folder, and an RPyC server."""

    def __init__(self) -> None:
        from hdaemon_panel import standalone

        import hdaemon
        from hdaemon.houdini.from_message import AS_SENT
        from hdaemon.houdini.worker import Worker
        from hdaemon.store import store

        self.app = standalone.application()
        self.server = hdaemon.start("bench", port=0, mode="evaluate")
        self.panel = standalone.window("bench")
        self.panel.resize(900, 700)
        self.panel.show()
        self.key = ("bench", AS_SENT)
        self.worker = Worker(store)
        self.worker.on_ready = self._on_ready
        self.worker.want(self.key)
        self.arrivals = _Arrivals("bench")
        store.consumers.add(self.arrivals)
        self.ready = threading.Event()
        self.ready_at = 0.0
        self.rpyc: Any = None

    def _on_ready(self) -> None:
        self.ready_at = time.monotonic()
        self.ready.set()

    def start_rpyc(self) -> int:
        """Start an RPyC server on a thread of this program, as hrpyc does; return its port."""
        import rpyc
        from rpyc.utils.server import ThreadedServer

        session = self

        class Service(rpyc.classic.SlaveService):  # type: ignore[misc, name-defined]
            def take(self, there: list[Any], winding: str) -> str:
                return session.made([there[number] for number in range(len(NAMES))], winding)

            def take_bytes(self, parts: tuple[tuple[bytes, str, tuple[int, ...]], ...], winding: str) -> str:
                return session.made([np.frombuffer(*part[:2]).reshape(part[2]) for part in parts], winding)

        self.rpyc = ThreadedServer(Service, hostname="127.0.0.1", port=0)
        threading.Thread(target=self.rpyc.start, daemon=True).start()
        return int(self.rpyc.port)

    def made(self, arrays: list[Any], winding: str) -> str:
        """Write bgeo of arrays that have arrived; return when it was ready."""
        mesh = _mesh(dict(zip(NAMES, arrays, strict=True)), winding)
        assert len(bgeo.write(mesh)) > len(mesh) * 12
        return str(time.monotonic())

    def round(self, sender: Sender) -> dict[str, float]:
        """Do a round; return the seconds from the sender's call to each stage."""
        self.ready.clear()
        sender.begin()
        if sender.kind == "hdaemon":
            self._wait(self.ready.is_set)
            began, said = sender.told()
            encoded, acknowledged = (float(part) for part in said.split())
            stages = {"arrays checked": encoded, "arrived": self.arrivals.at, "acknowledged": acknowledged}
            found = self.worker.ready(self.key)
            assert found is not None
            assert found.error is None, found.error
            stages["ready"] = self.ready_at
            return {name: at - began for name, at in stages.items()}
        answer: list[tuple[float, str]] = []
        reader = threading.Thread(target=lambda: answer.append(sender.told()))
        reader.start()
        self._wait(lambda: not reader.is_alive())
        began, said = answer[0]
        if sender.kind == "file":
            written = time.monotonic() - began
            data = Path(said).read_bytes()
            ended = time.monotonic()
            assert data
            return {"written": written, "ready": ended - began}
        return {"ready": float(said) - began}

    def _wait(self, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ROUND_S
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no mesh within {ROUND_S:g} s")
            self.app.processEvents()
            self.ready.wait(0.002)

    def close(self) -> None:
        """End everything."""
        if self.rpyc is not None:
            self.rpyc.close()
        self.worker.stop()
        self.server.stop()
        self.panel.close()


class _Arrivals(Queue):
    """Notes when a message is received and stored, on the server thread."""

    at = 0.0

    def offer(self, block: Any) -> None:
        if block.channel in self.wanted:
            self.at = time.monotonic()


def main() -> int:
    """Run the rounds; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--rpyc-rounds", type=int, default=3)
    parser.add_argument("--winding", choices=("clockwise", "counterclockwise"), default="clockwise")
    parser.add_argument("--sender", help=argparse.SUPPRESS)
    parser.add_argument("--where", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.sender:
        as_sender(args.sender, args.where, args.side, args.winding)
        return 0
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    session = Session()
    senders: list[Sender] = []
    try:
        with tempfile.TemporaryDirectory(prefix="hdaemon-bench-") as folder:
            _run(args, session, senders, folder)
    finally:
        for sender in senders:
            sender.close()
        session.close()
    return 0


def _run(args: argparse.Namespace, session: Session, senders: list[Sender], folder: str) -> None:
    hdaemon, file = (
        Sender("hdaemon", str(session.server.port), args, args.side),
        Sender("file", folder, args, args.side),
    )
    senders += [hdaemon, file]
    stages: dict[str, list[dict[str, float]]] = {"hdaemon": [], "file": []}
    for number in range(args.rounds + 3):
        for sender in (hdaemon, file):
            found = session.round(sender)
            if number >= 3:  # before, buffers are new: the pool has a few that take turns
                stages[sender.kind].append(found)
                sender.seconds.append(found["ready"])
    middle = {
        kind: {name: statistics.median(one[name] for one in all_) for name in all_[0]} for kind, all_ in stages.items()
    }
    points = args.side**2
    print(f"{points:,} points, {(args.side - 1) ** 2:,} quads, {args.winding}; medians of {args.rounds} rounds, ms")
    for kind, found in middle.items():
        print(f"{kind:10} " + ", ".join(f"{name} {seconds * 1000:.1f}" for name, seconds in found.items()))
    print(f"hdaemon is {middle['file']['ready'] / middle['hdaemon']['ready']:.2f} times as fast as the file")
    if args.rpyc_rounds:
        try:
            port = session.start_rpyc()
        except ImportError:
            print("RPyC is not installed: pip install rpyc")
            return
        for kind in ("rpyc", "rpyc tuned"):
            _compare(args, session, senders, hdaemon, kind, port)


def _compare(
    args: argparse.Namespace, session: Session, senders: list[Sender], hdaemon: Sender, kind: str, port: int
) -> None:
    """Compare with RPyC, with the largest mesh that it moves in time."""
    probe = Sender(kind, str(port), args, max(2, args.side // 8))
    senders.append(probe)
    took = session.round(probe)["ready"] * (args.side / probe.side) ** 2
    side = args.side if took < RPYC_ROUND_S else int(args.side * (RPYC_ROUND_S / took) ** 0.5 / 2)
    there = Sender(kind, str(port), args, side)
    ours = hdaemon if side == args.side else Sender("hdaemon", str(session.server.port), args, side)
    senders += [there] + ([ours] if ours is not hdaemon else [])
    times: dict[str, list[float]] = {kind: [], "hdaemon": []}
    for number in range(args.rpyc_rounds + 1):
        for name, sender in ((kind, there), ("hdaemon", ours)):
            seconds = session.round(sender)["ready"]
            if number:
                times[name].append(seconds)
    middle = {name: statistics.median(values) for name, values in times.items()}
    size = "the same mesh" if side == args.side else f"a mesh of {side**2:,} points"
    print(
        f"{kind:10} {middle[kind] * 1000:.0f} ms for {size}; hdaemon {middle['hdaemon'] * 1000:.1f} ms beside it, "
        f"{middle[kind] / middle['hdaemon']:.0f} times as fast (medians of {args.rpyc_rounds} rounds)"
    )


if __name__ == "__main__":
    sys.exit(main())
