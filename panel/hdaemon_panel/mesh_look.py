"""How a mesh is looked at, and what comes of it. Plain data, without numpy: widgets make it, the thread works by it."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["PITCH", "YAW", "Frame", "Look", "Picture"]

YAW, PITCH = math.radians(35), math.radians(28)
"""Where it is looked at from, at first: three quarters from the front, and from above."""


@dataclass(frozen=True)
class Frame:
    """The box that a picture shows: of a mesh that moves the same one as long as it fits, or the picture would jump."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def around(self, other: Frame) -> Frame:
        """Return what is shown of a mesh whose own box is `other`, after this one: this, or a larger or smaller one."""
        (ax, ay, az), (bx, by, bz) = self.low, other.low
        (cx, cy, cz), (dx, dy, dz) = self.high, other.high
        both = Frame((min(ax, bx), min(ay, by), min(az, bz)), (max(cx, dx), max(cy, dy), max(cz, dz)))
        return both if other.diagonal >= 0.7 * both.diagonal else other

    @property
    def diagonal(self) -> float:
        """How far the corners are apart."""
        return math.dist(self.low, self.high)


@dataclass(frozen=True)
class Look:
    """How a mesh is seen.

    Attributes:
        width, height: of the picture, in pixels of the screen.
        ground, dark, light: colours, 0xRRGGBB: behind the mesh, and of what faces away from the light and to it.
        yaw, pitch: where it is looked at from, in radians; pitch upwards.
        dot: how large a point is and how thick a curve, in pixels.
    """

    width: int
    height: int
    ground: int
    dark: int
    light: int
    yaw: float = YAW
    pitch: float = PITCH
    dot: int = 2


@dataclass(frozen=True)
class Picture:
    """An image.

    Attributes:
        pixels: 32 bits a pixel, 0xffRRGGBB in the machine's order, row after row without gaps.
        width, height: in pixels.
        frame: the box that it shows; None of nothing.
        took_s: how long it took.
    """

    pixels: bytes
    width: int
    height: int
    frame: Frame | None
    took_s: float
