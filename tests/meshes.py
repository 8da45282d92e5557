"""Meshes for several test files: one by hand that has something of everything, and any that hypothesis makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from hdaemon.content.mesh import Mesh, Strings

GEOMETRY = Path(__file__).resolve().parent / "data" / "bgeo"

TYPES = ("<i4", "<i8", "<f2", "<f4", "<f8")
KINDS = ("normal", "vector", "color", "texturecoord", "point", "transform", "quaternion", "nonarithmetic_integer")
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)

# Made once: hypothesis looks at each strategy when it is first drawn from, which takes longer than the drawing.
_BOOLEANS = st.booleans()
_WIDTHS = st.sampled_from([1, 1, 2, 3, 4, 9, 16])
_TYPES = st.sampled_from(TYPES)
_TABLES = st.lists(TEXTS, max_size=4)
_COUNTS = st.lists(st.one_of(st.integers(1, 5), st.integers(1, 64)), max_size=8)
_ATTRIBUTES = st.lists(NAMES.filter(lambda name: name != "P"), unique=True, max_size=3)
_GROUPS = st.lists(NAMES, unique=True, max_size=2)
_KINDS = st.sampled_from(KINDS)
_POINTS = st.integers(0, 12)
_PLACES = st.sampled_from(["<f4", "<f8"])


def small() -> Mesh:
    """Return two polygons and a curve over seven points, with every class, storage and group."""
    return Mesh(
        np.arange(21, dtype="f4").reshape(7, 3) / 4,
        [4, 3, 2],
        [0, 1, 2, 3, 3, 2, 4, 5, 6],
        point={
            "N": np.linspace(-1, 1, 21, dtype="f4").reshape(7, 3),
            "id": np.arange(7, dtype="i8") * 2**40,
            "side": Strings(["left", "", "right"], [0, 2, 1, -1, 0, 0, 2]),
        },
        vertex={"uv": np.linspace(0, 1, 27).reshape(9, 3), "half": np.arange(9, dtype="f2")},
        prim={"name": ["body", "body", "strand"], "layers": Strings(["a", "b"], [[0, 1], [1, 0], [1, 1]])},
        detail={"frame": 12, "shot": "sq010", "range": np.array([1.5, 2.5])},
        point_groups={"pinned": [1, 0, 0, 0, 0, 0, 1]},
        prim_groups={"all": [True] * 3, "none": [False] * 3},
        closed=[True, True, False],
        kinds={"point/N": "normal", "vertex/uv": "texturecoord"},
    )


@st.composite
def _attribute(draw: st.DrawFn, count: int, finite: bool) -> Any:
    width = draw(_WIDTHS)
    shape = (count,) if width == 1 else (count, width)
    if draw(_BOOLEANS):
        dtype = np.dtype(draw(_TYPES))
        size = int(np.prod(shape))
        if dtype.kind == "i" or not finite:
            raw = draw(st.binary(min_size=size * dtype.itemsize, max_size=size * dtype.itemsize))
            return np.frombuffer(raw, dtype).reshape(shape)
        floats = st.floats(width=8 * dtype.itemsize, allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]
        return np.array(draw(st.lists(floats, min_size=size, max_size=size)), dtype).reshape(shape)
    table = draw(_TABLES)
    return Strings(table, (_bytes(draw, int(np.prod(shape))) % (len(table) + 1) - 1).reshape(shape))


def _bytes(draw: st.DrawFn, count: int) -> Any:
    """Return integers of 0 to 255. Drawn as bytes, as a draw for each takes ten times longer."""
    return np.frombuffer(draw(st.binary(min_size=count, max_size=count)), "u1").astype("i4")


@st.composite
def meshes(draw: st.DrawFn, finite: bool = False) -> Mesh:
    """Return any mesh in Houdini's conventions: also empty, of points only, with n-gons of up to 64 sides."""
    points = draw(_POINTS)
    counts = draw(_COUNTS) if points else []
    vertices = sum(counts)
    indices = _bytes(draw, vertices) % max(points, 1)
    attributes: dict[str, dict[str, Any]] = {}
    kinds = {}
    for cls, count in (("point", points), ("vertex", vertices), ("prim", len(counts)), ("detail", 1)):
        names = draw(_ATTRIBUTES)
        attributes[cls] = {name: draw(_attribute(count, finite)) for name in names}
        if cls == "detail":  # one row of numbers
            for name, value in attributes[cls].items():
                if isinstance(value, Strings):
                    attributes[cls][name] = Strings(value.table, value.indices.reshape(-1))
                else:
                    attributes[cls][name] = value.reshape(-1)
        kinds |= {f"{cls}/{name}": draw(_KINDS) for name in names if draw(_BOOLEANS)}
    dtype = draw(_PLACES)
    floats = st.floats(width=32, allow_nan=not finite, allow_infinity=not finite)
    flags = {
        f"{cls}_groups": {name: _bytes(draw, count) % 2 == 1 for name in draw(_GROUPS)}
        for cls, count in (("point", points), ("prim", len(counts)))
    }
    return Mesh(
        np.array(draw(st.lists(floats, min_size=3 * points, max_size=3 * points)), dtype).reshape(-1, 3),
        counts,
        indices,
        **attributes,
        **flags,
        closed=_bytes(draw, len(counts)) % 2 == 1,
        kinds=kinds,
    )
