"""A mesh of a million points into Houdini's binary form and back, against a plain copy of as many bytes.

``python bench/bgeo.py [--side 1000] [--rounds 9]``. A grid of quads, normals on its points, uv on its vertices.
The rounds are interleaved and their medians compared. Prints milliseconds and ratios to memcpy (numpy's copy of the
bytes into a fresh array, whose pages are new as those of the payload are).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from hdaemon import content
from hdaemon.content import bgeo
from hdaemon.content.mesh import Mesh


def grid(side: int, *, winding: str = "clockwise", up: str = "Y") -> Mesh:
    """Return a grid of ``side * side`` points."""
    number = np.arange(side * side, dtype=np.int32).reshape(side, side)
    corners = (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:])
    indices = np.stack(corners, axis=-1).reshape(-1)
    x, z = np.meshgrid(np.linspace(-1, 1, side, dtype="f4"), np.linspace(-1, 1, side, dtype="f4"))
    points = np.stack([x, np.sin(x * 7) * np.cos(z * 5), z], axis=-1).reshape(-1, 3)
    uv = np.ascontiguousarray(points[indices][:, ::2])
    counts = np.full(len(indices) // 4, 4, np.int32)
    return Mesh(points, counts, indices, point={"N": points.copy()}, vertex={"uv": uv}, winding=winding, up=up)


def main() -> int:
    """Run the rounds; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    mesh, foreign = grid(args.side), grid(args.side, winding="counterclockwise", up="Z")
    payload, tensors = bgeo.write(mesh), mesh.to_safetensors()
    source = np.frombuffer(payload, np.uint8)
    assert bgeo.read(payload) == content.decode(content.SAFETENSORS, tensors) == mesh
    tasks: dict[str, Callable[[], object]] = {
        "memcpy": source.copy,
        "bgeo, in parts": lambda: bgeo.write_parts(mesh),
        "bgeo, whole": lambda: bgeo.write(mesh),
        "safetensors -> bgeo": lambda: bgeo.write(content.decode(content.SAFETENSORS, tensors)),
        "the same, converted": lambda: bgeo.write(foreign),
        "bgeo -> mesh": lambda: bgeo.read(payload),
        "safetensors -> mesh": lambda: content.decode(content.SAFETENSORS, tensors),
        "mesh -> safetensors": mesh.to_safetensors,
    }
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(args.rounds + 1):
        for name, task in tasks.items():
            began = time.perf_counter()
            made = task()
            if number:  # the first round warms up
                times[name].append(time.perf_counter() - began)
            del made
    copied = statistics.median(times["memcpy"])
    print(f"{len(mesh):,} points, {len(mesh.counts):,} quads, {len(payload) / 1e6:.1f} MB")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"{name:20} {middle * 1000:7.1f} ms  {middle / copied:5.2f} memcpy")
    return 0


if __name__ == "__main__":
    sys.exit(main())
