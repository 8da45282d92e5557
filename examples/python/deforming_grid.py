"""Send a grid of a million points that deforms 30 times a second, with normals. Needs numpy.

python deforming_grid.py
python deforming_grid.py --points 250000 --rate 60 --seconds 10 --to 127.0.0.1:2001

It prints each second how many frames were acknowledged. While a frame is sent, the next one is computed.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np

try:
    from hdaemon.client import Client, ClientError
except ImportError:  # the copied file
    from client import Client, ClientError

SIZE = 10.0  # metres


class Grid:
    """A square grid of `side` x `side` points, and the waves that go over it."""

    def __init__(self, side: int) -> None:
        axis = np.linspace(-SIZE / 2, SIZE / 2, side, dtype=np.float32)
        self.axis = axis
        corner = np.arange(side * side, dtype=np.int32).reshape(side, side)
        # Counter-clockwise, seen from above (+Y): x goes right, z comes towards us.
        quads = np.stack([corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:]], axis=-1)
        self.indices = quads.reshape(-1)
        self.counts = np.full((side - 1) ** 2, 4, np.int32)
        # Two of each: one is sent while the other is computed.
        self._buffers = []
        for _ in range(2):
            points = np.empty((side, side, 3), np.float32)
            points[..., 0], points[..., 2] = axis, axis[:, None]
            self._buffers.append((points, np.empty((side, side, 3), np.float32)))
        self._scratch = np.empty((side, side), np.float32)

    def at(self, t: float) -> tuple[Any, Any]:
        """Return points and normals at `t` seconds, ``(n, 3)`` float32 each; they are changed two calls later."""
        self._buffers.reverse()
        points, normals = self._buffers[0]
        x, z = self.axis, self.axis[:, None]
        # height = sin(x + t) cos(z - t) / 2: a product of a row and a column, and so are both its slopes.
        sin_x, cos_x, sin_z, cos_z = np.sin(x + t), np.cos(x + t), np.sin(z - t), np.cos(z - t)
        np.multiply(sin_x / 2, cos_z, out=points[..., 1])
        np.multiply(cos_x / -2, cos_z, out=normals[..., 0])
        np.multiply(sin_x / 2, sin_z, out=normals[..., 2])
        # 1 + slope_x^2 + slope_z^2, written as products as well: fewer passes over a million points.
        scratch = np.multiply(cos_x**2 / 4, cos_z**2, out=self._scratch)
        scratch += sin_x**2 / 4 * sin_z**2
        scratch += 1.0
        np.sqrt(scratch, out=scratch)
        np.reciprocal(scratch, out=scratch)
        normals[..., 0] *= scratch
        normals[..., 1] = scratch
        normals[..., 2] *= scratch
        return points.reshape(-1, 3), normals.reshape(-1, 3)


def send(client: Client, grid: Grid, channel: str, rate: float, seconds: float) -> tuple[int, float]:
    """Send frames until the time is over; return how many were acknowledged, and in how many seconds."""
    start = reported = due = time.monotonic()
    sent = reported_sent = 0
    elapsed = 0.0
    with ThreadPoolExecutor(1) as computing:  # numpy and sockets let each other run
        coming: Future[tuple[Any, Any]] = computing.submit(grid.at, 0.0)
        while elapsed < seconds:
            points, normals = coming.result()
            coming = computing.submit(grid.at, elapsed + 1 / rate)
            time.sleep(max(0.0, due - time.monotonic()))
            client.send_mesh(
                points, grid.counts, grid.indices, channel, point={"N": normals}, detail={"time": elapsed}, wait=True
            )
            sent += 1
            now = time.monotonic()
            elapsed = now - start
            # From when it was due, so that the rate does not drift; but what is late by a frame is not made up for.
            due = max(due + 1 / rate, now - 1 / rate)
            if now - reported >= 1.0:
                print(f"{(sent - reported_sent) / (now - reported):.1f} frames/s", flush=True)
                reported, reported_sent = now, sent
    return sent, elapsed


def main() -> int:
    """Send until the time is over or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Send a grid that deforms, with normals.")
    parser.add_argument("--to", metavar="HOST:PORT", default="127.0.0.1:2000", help="default: %(default)s")
    parser.add_argument("--channel", default="python/grid", help="default: %(default)s")
    parser.add_argument("--points", type=int, default=1_000_000, help="about how many; default: %(default)s")
    parser.add_argument("--rate", type=float, default=30.0, help="frames a second at most; default: %(default)s")
    parser.add_argument("--seconds", type=float, default=math.inf, help="default: until Ctrl-C")
    args = parser.parse_args()
    if args.points < 4 or args.rate <= 0:
        parser.error("--points is 4 or more, and --rate above 0")
    host, _, port = args.to.rpartition(":")
    try:
        with Client(host, int(port)) as client:
            grid = Grid(round(math.sqrt(args.points)))
            sent, elapsed = send(client, grid, args.channel, args.rate, args.seconds)
            print(f"{sent} frames of {len(grid.axis) ** 2:,} points: {sent / elapsed:.1f} frames/s")
    except ClientError as error:
        print(f"cannot send: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
