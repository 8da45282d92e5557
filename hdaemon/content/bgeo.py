"""application/x-houdini-bgeo: Houdini's geometry, binary (.bgeo) or ASCII (.geo), as a `Mesh`, and back.

The format is a list of names and values (the HDK's "GA file format"): counts, which point each vertex is at, the
attributes of vertices, points, primitives and the whole, the primitives, the groups. `read` takes what Houdini 13 and
later write. What it says is checked against itself: the counts against the arrays, the pages against the flags.

`write` gives what Houdini writes for the same geometry, name for name; see `bgeo_write`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hdaemon.content import json as strict_json
from hdaemon.content.buffers import Payload, flat, load_numpy
from hdaemon.content.joined import joined
from hdaemon.errors import DecodeError

if TYPE_CHECKING:
    from hdaemon.content.mesh import Mesh

__all__ = ["MAX_ASCII_VALUES", "read", "write", "write_parts"]

MAX_ASCII_VALUES = 20_000_000
"""Commas and brackets, which are about what the text makes Python objects of: 24 bytes each, 80 for a bracket."""

_OTHERS = {
    b"scf1": "compressed by Blosc (.bgeo.sc): decompress it before it is sent, or save it as .bgeo",
    b"\x1f\x8b": "compressed by gzip (.bgeo.gz): decompress it before it is sent, or save it as .bgeo",
    b"PGEO": "in the form of Houdini 11 and before (.hclassic): save it as .bgeo by a later Houdini",
    b"Bgeo": "in the binary form of Houdini 11 and before (.bhclassic): save it as .bgeo by a later Houdini",
}


def read(payload: Payload) -> Mesh:
    """Return the geometry of `payload`, in Houdini's conventions; `Mesh.notes` says what of it a mesh does not hold.

    Polygons, curves and polygon soups become polygons; of a soup, each polygon has the soup's primitive attributes.
    Primitives of other types are left out and named in `notes`, with their vertices; all points stay.

    Raises:
        DecodeError: it is not Houdini's geometry, does not fit itself, or is past a limit; says what and where.
    """
    view = flat(payload)
    load_numpy("application/x-houdini-bgeo")
    from hdaemon.content import bgeo_binary, bgeo_read

    head = bytes(view[:5])
    if head in (bgeo_binary.MAGIC, bgeo_binary.BIG_MAGIC):
        tree = bgeo_binary.decode(view)
    else:
        tree = _ascii(view, head)
    return bgeo_read.mesh(tree, len(view))


def write(mesh: Mesh, *, ascii: bool = False) -> bytes:  # noqa: A002 - it is Houdini's own word for the form
    """Return `mesh` as Houdini writes it, binary or ASCII; in Houdini's conventions, whatever its own are.

    Raises:
        UsageError: ASCII, and a number is NaN or infinite.
    """
    if not ascii:
        return joined(write_parts(mesh))
    from hdaemon.content import bgeo_encode, bgeo_write

    return bgeo_encode.ascii_bytes(bgeo_write.tree(mesh.converted(), binary=False))


def write_parts(mesh: Mesh, *, bounds: bool = True) -> list[bytes | memoryview]:
    """Return the buffers whose bytes, one after the other, are `write(mesh)`; large arrays are not copied.

    Without `bounds` they do not say where the points are at most. That is for who looks at a file without loading it,
    and takes 2 to 3 ms of a million points.
    """
    from hdaemon.content import bgeo_encode, bgeo_write

    return bgeo_encode.binary_parts(bgeo_write.tree(mesh.converted(), binary=True, bounds=bounds))


def _ascii(view: memoryview, head: bytes) -> Any:
    for magic, what in _OTHERS.items():
        if head.startswith(magic):
            raise DecodeError(f"not taken as bgeo: it is {what}")
    text = bytes(view[:64]).lstrip()
    if not text.startswith(b"["):
        raise DecodeError(f"not bgeo: it begins with {head!r}, and neither with \\x7fNSJb (binary) nor with [ (ASCII)")
    values = sum(bytes(view[at : at + (1 << 20)]).count(mark) for at in range(0, len(view), 1 << 20) for mark in b",[{")
    if values > MAX_ASCII_VALUES:
        raise DecodeError(
            f"not taken as bgeo: ASCII geometry of {values} values is over the limit of {MAX_ASCII_VALUES}: "
            "send the binary form"
        )
    try:
        return strict_json.decode(view, sys.maxsize)  # they are counted
    except DecodeError as error:
        raise DecodeError(f"not bgeo: as ASCII geometry it is {error}") from error
