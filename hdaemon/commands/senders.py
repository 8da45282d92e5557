"""The demo's senders, each a process of its own, as the programs they stand for would be.

``python -m hdaemon.commands.senders KIND HOST PORT SECONDS``; standard library only.
"""

from __future__ import annotations

import json
import math
import random
import socket
import sys
import time
from collections.abc import Callable

__all__ = ["KINDS", "main"]

_TIMEOUT_S = 5.0


def original(host: str, port: int, until: float) -> None:
    """The client of the original post, every few seconds: connect, say one thing, close."""
    while time.monotonic() < until:
        s = socket.create_connection((host, port), _TIMEOUT_S)
        s.send(b"Hellow Houdini, I am your father")
        s.close()
        _rest(3.0, until)


def telemetry(host: str, port: int, until: float) -> None:
    """A camera rig: one line of JSON thirty times a second, to be stored."""
    with socket.create_connection((host, port), _TIMEOUT_S) as s:
        s.sendall(b"evaluate\n")
        frame = 0
        began = time.monotonic()
        while time.monotonic() < until:
            angle = frame / 30
            pose = {
                "rig": "camera",
                "frame": frame,
                "t": [round(4 * math.cos(angle), 3), 1.6, round(4 * math.sin(angle), 3)],
                "r": [-12.5, round(math.degrees(angle) % 360, 2), 0],
                "focal": 35,
            }
            s.sendall(json.dumps(pose).encode() + b"\n")
            frame += 1
            _rest(began + frame / 30 - time.monotonic(), until)


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
    "burst": burst,
}


def main(arguments: list[str]) -> int:
    """Run one sender until its time is over or the server is gone; return the exit status."""
    kind, host, port, seconds = arguments
    try:
        KINDS[kind](host, int(port), time.monotonic() + float(seconds))
    except OSError:  # the server has stopped: so does its sender
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
