"""Model files as arrays for `Client.send_mesh`: .obj .ply .stl .glb .off, read by trimesh.

Every part of a file is there, where its scene puts it. Nothing is turned or scaled: what the axes and the unit are is
said beside it. trimesh is imported when the first model is read.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon.commands.models_parts import Part, read_parts
from hdaemon.errors import HdaemonError, SendError

__all__ = ["Model", "read"]

Array = npt.NDArray[Any]


@dataclass(slots=True, eq=False)
class Model:
    """What is sent of a model; see `Client.send_mesh`.

    Attributes:
        points: ``(n, 3)`` float32, or float64 where the file has it in binary.
        counts, indices: ``(f,)`` and ``(v,)`` int32; empty for points alone. All these formats are counter-clockwise.
        point, vertex, prim: attributes by name: N, uv, Cd and Alpha (0 to 1), name, material.
        notes: what was left out, a sentence each.
    """

    points: Array
    counts: Array
    indices: Array
    point: dict[str, Array] = field(default_factory=dict)
    vertex: dict[str, Array] = field(default_factory=dict)
    prim: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read(data: bytes, suffix: str, name: str) -> Model:
    """Return the model in `data`.

    Args:
        data: the whole file.
        suffix: ``".obj"``, ``".ply"``, ``".stl"``, ``".glb"`` or ``".off"``.
        name: what the file is called, for errors.

    Raises:
        SendError: trimesh is not there, or cannot read it.
    """
    try:
        from trimesh.exchange.load import mesh_loaders
    except ImportError as error:
        raise SendError(
            f'{name} is read by trimesh, which could not be loaded ({error}): pip install "hdaemon[models]"; '
            "nothing was sent"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, about how trimesh calls it
            parts, notes = read_parts(data, suffix, mesh_loaders[suffix[1:]])
            model = _joined(parts, notes)
    except HdaemonError as error:
        raise SendError(f"{name} cannot be sent as a mesh: {error}") from error
    except Exception as error:  # the readers raise whatever they meet in a file that is not as it should be
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        raise SendError(f"{name} is broken, not complete, or not a {suffix} file ({what}): nothing was sent") from error
    return model


def _joined(parts: list[Part], notes: list[str]) -> Model:
    """Return all parts as one mesh; what some have and others have not is 0 there, and a colour white."""
    parts = [part for part in parts if len(part.points)]
    if not parts:
        raise HdaemonError("there are no points in it")
    for part in parts:
        low, high = (int(part.indices.min()), int(part.indices.max())) if len(part.indices) else (0, 0)
        if low < 0 or high >= len(part.points):
            raise HdaemonError(f"a face is at point {low if low < 0 else high}, and there are {len(part.points)}")
    starts = np.cumsum([0] + [len(part.points) for part in parts[:-1]])
    model = Model(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.counts for part in parts]).astype(np.int32),
        np.concatenate([part.indices + start for part, start in zip(parts, starts, strict=True)]).astype(np.int32),
    )
    points = [len(part.points) for part in parts]
    corners, faces = [len(part.indices) for part in parts], [len(part.counts) for part in parts]
    _put(model.point, "N", _filled([part.normals for part in parts], points, 3))
    _put(model.vertex, "N", _filled([part.corner_normals for part in parts], corners, 3))
    _put(model.vertex, "uv", _filled([part.corner_uv for part in parts], corners, 2))
    if "uv" not in model.vertex:
        _put(model.point, "uv", _filled([part.uv for part in parts], points, 2))
    _put_colors(model.point, [part.colors for part in parts], points)
    _put_colors(model.prim, [part.face_colors for part in parts], faces)
    for name, texts in (("name", [part.names for part in parts]), ("material", [part.materials for part in parts])):
        words = [word for one, size in zip(texts, faces, strict=True) for word in one or [""] * size]
        if any(words):
            model.prim[name] = words
    if any(part.face_colors is not None and len(part.face_colors) != len(part.counts) for part in parts):
        notes = [*notes, "the colours of its faces were left out: its polygons have become triangles"]
    model.notes = tuple(notes)
    return model


def _put(values: dict[str, Array], name: str, array: Array | None) -> None:
    if array is not None:
        values[name] = array


def _filled(found: list[Array | None], sizes: list[int], width: int, missing: float = 0.0) -> Array | None:
    """Return the arrays as one of float32; None where no part has one, or none that fits."""
    fitting = [
        None if one is None or not size or len(one) != size or np.ndim(one) != 2 or one.shape[1] < width else one
        for one, size in zip(found, sizes, strict=True)
    ]
    if all(one is None for one in fitting):
        return None
    return np.concatenate(
        [
            np.full((size, width), missing, np.float32) if one is None else np.asarray(one, np.float32)[:, :width]
            for one, size in zip(fitting, sizes, strict=True)
        ]
    )


def _put_colors(values: dict[str, Any], found: list[Array | None], sizes: list[int]) -> None:
    colors = [None if one is None else _fractions(np.asarray(one)) for one in found]
    _put(values, "Cd", _filled(colors, sizes, 3, 1.0))
    opaque = all(one is None or one.shape[1] < 4 or bool((one[:, 3] == 1).all()) for one in colors)
    if "Cd" in values and not opaque:
        alphas = [one[:, 3:4] if one is not None and one.shape[1] > 3 else None for one in colors]
        _put(values, "Alpha", _filled(alphas, sizes, 1, 1.0))
        if "Alpha" in values:
            values["Alpha"] = values["Alpha"][:, 0]


def _fractions(colors: Array) -> Array:
    """Return colours from 0 to 1."""
    if colors.dtype.kind in "iu":
        return np.asarray(colors.astype(np.float32) / np.iinfo(colors.dtype).max)
    made = colors.astype(np.float32)
    return made / np.float32(255) if made.size and made.max() > 1 else made
