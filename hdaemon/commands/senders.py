"""The demo's senders, each a process of its own, as the programs they stand for would be.

``python -m hdaemon.commands.senders KIND HOST PORT SECONDS``. Three use the client, and two the raw door, which
needs nothing but a socket.
"""

from __future__ import annotations

import math
import random
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from hdaemon.client import Client, ClientError

__all__ = ["KINDS", "main"]

_TIMEOUT_S = 5.0
_RECONNECT_S = 60.0
"""A server that was stopped in the panel is often started again there."""

_CLOTH = 56
"""Quads along each side of the cloth: 3,249 points."""


def original(host: str, port: int, until: float) -> None:
    """The client of the original post, every few seconds: connect, say one thing, close."""
    while time.monotonic() < until:
        s = socket.create_connection((host, port), _TIMEOUT_S)
        s.send(b"Hellow Houdini, I am your father")
        s.close()
        _rest(3.0, until)


def telemetry(host: str, port: int, until: float) -> None:
    """A rig: its camera thirty times a second as JSON, and a light now and then."""
    with _client(host, port) as client:
        frame = 0
        began = time.monotonic()
        while time.monotonic() < until:
            angle = frame / 30
            pose = {
                "frame": frame,
                "t": [round(4 * math.cos(angle), 3), 1.6, round(4 * math.sin(angle), 3)],
                "r": [-12.5, round(math.degrees(angle) % 360, 2), 0],
                "focal": 35,
            }
            client.send(pose, "rig/camera")
            if frame % 15 == 0:
                client.send({"intensity": round(1 + math.sin(angle / 3) / 2, 3), "temperature": 5600}, "rig/lights/key")
            frame += 1
            _rest(began + frame / 30 - time.monotonic(), until)


def points(host: str, port: int, until: float) -> None:
    """A simulation: its points twice a second as an array, and a word about each step."""
    import numpy

    dice = numpy.random.default_rng(7)
    at = dice.uniform(-1, 1, (5000, 3)).astype("f4")
    with _client(host, port) as client:
        step = 1000
        while time.monotonic() < until:
            client.send(at, "sim/points")
            client.send(f"step {step}: {len(at)} points, highest at {at[:, 1].max():.3f}", "sim/status")
            at += dice.normal(0, 0.02, at.shape).astype("f4")
            step += 1
            _rest(0.5, until)


def cloth(host: str, port: int, until: float) -> None:
    """A simulation of cloth: a mesh with normals and texture coordinates thirty times a second."""
    import numpy as np

    n = _CLOTH
    u, v = np.meshgrid(np.linspace(0, 1, n + 1, dtype="f4"), np.linspace(0, 1, n + 1, dtype="f4"), indexing="ij")
    first = np.arange(n * (n + 1), dtype="i4").reshape(n, n + 1)[:, :-1].reshape(-1, 1)
    corners = (first + np.array([0, 1, n + 2, n + 1], "i4")).reshape(-1)  # counterclockwise, seen from above
    counts = np.full(n * n, 4, "i4")
    uv = np.stack([u.reshape(-1), v.reshape(-1)], axis=1)[corners]
    with _client(host, port) as client:
        frame, began = 0, time.monotonic()
        while time.monotonic() < until:
            height, along_u, along_v = _wave(u, v, frame / 30)
            points = np.stack([2 * u - 1, height, 2 * v - 1], axis=-1).reshape(-1, 3)
            normals = np.stack([-along_u / 2, np.ones_like(u), -along_v / 2], axis=-1).reshape(-1, 3)
            normals /= np.linalg.norm(normals, axis=1, keepdims=True)
            client.send_mesh(
                points, counts, corners, "sim/cloth", point={"N": normals}, vertex={"uv": uv}, detail={"frame": frame}
            )
            frame += 1
            _rest(began + frame / 30 - time.monotonic(), until)


def _wave(u: Any, v: Any, seconds: float) -> tuple[Any, Any, Any]:
    """Return how high the cloth is in metres, and how that grows along u and along v; still where u is 0."""
    import numpy as np

    height, along_u, along_v = np.zeros_like(u), np.zeros_like(u), np.zeros_like(u)
    for size, across, down, speed in ((0.2, 6.0, 2.5, 2.6), (0.1, 4.0, -9.0, 3.7), (0.04, 15.0, 7.0, 5.0)):
        phase = across * u + down * v - speed * seconds
        height += size * u * np.sin(phase)
        along_u += size * (np.sin(phase) + across * u * np.cos(phase))
        along_v += size * down * u * np.cos(phase)
    return height, along_u, along_v


def _client(host: str, port: int) -> Client:
    return Client(host, port, reconnect_s=_RECONNECT_S)


def burst(host: str, port: int, until: float) -> None:
    """A simulation that writes a cache of points now and then: some hundred lines at once."""
    dice = random.Random(7)
    with socket.create_connection((host, port), _TIMEOUT_S) as s:
        s.sendall(b"evaluate\n")
        frame = 1000
        while time.monotonic() < until:
            _rest(1.7, until)
            lines = [f"sim frame={frame} id={i} P=({_axis(dice)}, {_axis(dice)}, {_axis(dice)})" for i in range(400)]
            s.sendall("\n".join(lines).encode() + b"\n")
            frame += 1


def _axis(dice: random.Random) -> str:
    return f"{dice.uniform(-5, 5):.4f}"


def _rest(seconds: float, until: float) -> None:
    time.sleep(max(0.0, min(seconds, until - time.monotonic())))


KINDS: dict[str, Callable[[str, int, float], None]] = {
    "original": original,
    "telemetry": telemetry,
    "points": points,
    "cloth": cloth,
    "burst": burst,
}


def main(arguments: list[str]) -> int:
    """Run one sender until its time is over or the server is gone; return the exit status."""
    kind, host, port, seconds = arguments
    try:
        KINDS[kind](host, int(port), time.monotonic() + float(seconds))
    except (OSError, ClientError):  # the server has stopped: so does its sender
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
