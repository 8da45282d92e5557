"""What the tests of receivers put on channels."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

import hdaemon
from hdaemon import content
from hdaemon.blocks import PayloadBlock
from hdaemon.content import safetensors
from hdaemon.content.mesh import Mesh


def put(channel: str, content_type: str, payload: bytes | memoryview) -> int:
    """Store a message as a server's thread would; return its serial."""
    serial = hdaemon.store.take_serials()
    hdaemon.store.put(PayloadBlock(1.0, serial, channel, content_type, payload, "client-1", "evaluate"))
    return serial


def put_mesh(channel: str, mesh: Mesh) -> int:
    return put(channel, content.SAFETENSORS, mesh.to_safetensors())


def put_arrays(channel: str, **arrays: Any) -> int:
    return put(channel, content.SAFETENSORS, b"".join(safetensors.encode(arrays)))


def put_array(channel: str, array: Any) -> int:
    file = io.BytesIO()
    np.save(file, np.asarray(array))
    return put(channel, content.NPY, file.getvalue())


def put_text(channel: str, text: str) -> int:
    return put(channel, content.TEXT, text.encode())


def put_json(channel: str, value: object) -> int:
    return put(channel, content.JSON, json.dumps(value).encode())


def grid(side: int = 3, height: float = 0.0, **options: Any) -> Mesh:
    """Return `side` by `side` points with quads between them, normals, an id, a uv, a name and a group."""
    number = np.arange(side * side, dtype="i4").reshape(side, side)
    corners = (number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1])
    quads = np.stack(corners, -1).reshape(-1)
    x, z = np.meshgrid(np.arange(side, dtype="f4"), np.arange(side, dtype="f4"))
    points = np.stack([x, np.full_like(x, height), z], -1).reshape(-1, 3)
    count = (side - 1) ** 2
    attributes: dict[str, Any] = {
        "point": {"N": np.tile(np.array([0, 1, 0], "f4"), (side * side, 1)), "id": np.arange(side * side)},
        "vertex": {"uv": np.linspace(0, 1, 8 * count, dtype="f8").reshape(-1, 2)},
        "prim": {"name": ["tile"] * count, "area": np.ones(count, "f2")},
        "detail": {"frame": np.array([1], "i4"), "shot": "sq010"},
        "prim_groups": {"all": np.ones(count, bool)},
    }
    return Mesh(points, np.full(count, 4, "i4"), quads, **{**attributes, **options})
